package report

import (
	"strings"

	"keelway.dev/keelway/internal/report/text"
)

// style is the parameter of an SGR sequence (ECMA-48); only the sixteen colours
// that follow the user's own palette are used.
type style string

const (
	plainText style = ""
	bold      style = "1"
	dim       style = "2"
	red       style = "1;31"
	green     style = "1;32"
	yellow    style = "1;33"
	cyan      style = "36"
)

// span is a piece of a line in one style.
type span struct {
	words string
	style style
}

// paint joins spans into one line of at most max columns, with the ellipsis in
// place of what does not fit. Every style is closed where it was opened, so
// that a program killed between two writes leaves no colour behind.
func paint(spans []span, max int, color bool, ellipsis string) string {
	total := 0
	for _, s := range spans {
		total += text.Columns(s.words)
	}
	var b strings.Builder
	left := max
	for _, s := range spans {
		words := s.words
		if total > max && text.Columns(words) >= left {
			// Something will be cut: this span, or the ones behind it.
			words = text.Cut(words+ellipsis, left, ellipsis)
		}
		left -= text.Columns(words)
		if color && s.style != plainText && strings.TrimSpace(words) != "" {
			b.WriteString("\x1b[" + string(s.style) + "m" + words + "\x1b[0m")
		} else {
			b.WriteString(words)
		}
		if total > max && left <= 0 {
			break
		}
	}
	return strings.TrimRight(b.String(), " ")
}
