// Package text measures and shapes text by the columns that a terminal gives it.
package text

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Clean makes text of others, such as a component's log lines, safe to print:
// escape sequences, control characters and invisible format characters go, a
// tab becomes spaces. What is left has a width that columns can count on.
func Clean(s string) string {
	var b strings.Builder
	rest := []rune(s)
	for len(rest) > 0 {
		r := rest[0]
		switch {
		case r == '\x1b':
			rest = rest[escapeLength(rest):]
			continue
		case r == '\t':
			b.WriteString("    ")
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r),
			r == '\u2028', r == '\u2029':
		default:
			b.WriteRune(r)
		}
		rest = rest[1:]
	}
	return b.String()
}

// escapeLength counts the runes of the escape sequence that s begins with
// (ECMA-48: CSI ends with a letter, OSC and its kin with BEL or ST).
func escapeLength(s []rune) int {
	if len(s) == 1 {
		return 1
	}
	switch s[1] {
	case '[':
		for i := 2; i < len(s); i++ {
			if s[i] >= 0x40 && s[i] <= 0x7e {
				return i + 1
			}
			if s[i] < 0x20 || s[i] > 0x7e {
				return i // broken off: what follows is text again
			}
		}
		return len(s)
	case ']', 'P', '^', '_':
		for i := 2; i < len(s); i++ {
			switch {
			case s[i] == '\a':
				return i + 1
			case s[i] == '\x1b' && i+1 < len(s) && s[i+1] == '\\':
				return i + 2
			case s[i] == '\n':
				return i
			}
		}
		return 2
	}
	return 2
}

// Lines returns the clean lines of s without empty ones at both ends.
func Lines(s string) []string {
	var out []string
	for line := range strings.SplitSeq(s, "\n") {
		line = strings.TrimRight(Clean(line), " ")
		if line == "" && len(out) == 0 {
			continue
		}
		out = append(out, line)
	}
	for len(out) > 0 && out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}

// OneLine says s in one line. Of the many lines of a verbose health endpoint
// only the checks that fail, "[-]...", are worth the room.
func OneLine(s string) string {
	var all, failing []string
	for _, l := range Lines(s) {
		l = strings.TrimSpace(l)
		if l == "" {
			continue
		}
		all = append(all, l)
		if strings.HasPrefix(l, "[-]") {
			failing = append(failing, l)
		}
	}
	if len(failing) > 0 {
		all = failing
	}
	return strings.Join(all, "; ")
}

// Columns is the number of terminal columns that clean text takes. Characters
// of ambiguous width (UAX #11) count one, as today's terminals draw them.
func Columns(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	if r < 0x300 {
		return 1
	}
	// Marks combine with what stands before; so do the vowels and final
	// consonants of decomposed Hangul.
	if unicode.In(r, unicode.Mn, unicode.Me) || r >= 0x1160 && r <= 0x11ff {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// prefix is the longest beginning of s that takes at most max columns.
func prefix(s string, max int) string {
	n := 0
	for i, r := range s {
		n += runeColumns(r)
		if n > max {
			return s[:i]
		}
	}
	return s
}

// Cut shortens s to at most max columns; what was cut shows as the ellipsis.
func Cut(s string, max int, ellipsis string) string {
	if Columns(s) <= max {
		return s
	}
	if max < Columns(ellipsis) {
		return ""
	}
	return strings.TrimRight(prefix(s, max-Columns(ellipsis)), " ") + ellipsis
}

// Pad fills s with spaces on the right to n columns.
func Pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-Columns(s)))
}

// PadLeft fills s with spaces on the left to n columns.
func PadLeft(s string, n int) string {
	return strings.Repeat(" ", max(0, n-Columns(s))) + s
}

// Wrap breaks s between words into lines of at most max columns; a longer word
// keeps its own line whole, so that a path or command can be copied.
func Wrap(s string, max int) []string {
	var out []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		switch {
		case line == "":
			line = word
		case Columns(line)+1+Columns(word) > max:
			out = append(out, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(out, line)
}
