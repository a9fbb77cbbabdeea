package evidence

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"keelway.dev/keelway/internal/report/text"
)

// Level is how loud a line is.
type Level int

// The levels. Plain is a line that has none, such as a panic's or a usage error's.
const (
	Info Level = iota
	Warning
	Plain
	Error
	Fatal
)

// Line is one line that a component, the kubelet or the API said.
type Line struct {
	// At is zero for a line that bears no time.
	At    time.Time
	Level Level
	// Text is the message without its dress: time, process, source line,
	// quotes, JSON and stack trace are gone.
	Text string
}

// Reader reads lines of logs.
type Reader struct {
	// now gives klog's times, which have neither year nor zone, both.
	now     time.Time
	klog    *regexp.Regexp
	secrets []secret
}

// secret is what nobody should read on a screen.
type secret struct {
	pattern *regexp.Regexp
	with    string
}

// NewReader returns a reader of lines that were written not long before now.
func NewReader(now time.Time) *Reader {
	return &Reader{
		now: now,
		// Severity, month and day, time, process, source line.
		klog: regexp.MustCompile(`^([IWEF])(\d{4} \d\d:\d\d:\d\d\.\d+)\s+\d+ [^\]]*\] ?(.*)$`),
		secrets: []secret{
			{regexp.MustCompile(`\b[a-z0-9]{6}\.[a-z0-9]{16}\b`), "<token>"}, // bootstrap tokens
			{regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`), "<token>"},
			{regexp.MustCompile(`(?i)(bearer )[A-Za-z0-9._~+/=-]{8,}`), "${1}<token>"},
			{regexp.MustCompile(`(://[^/\s:@]+):[^/\s@]+@`), "${1}:<password>@"},
		},
	}
}

// Line reads a line of klog, of etcd's JSON, of containerd's logfmt or of
// anything else.
func (r *Reader) Line(raw string) Line {
	raw = r.redact(text.Clean(raw))
	switch {
	case strings.HasPrefix(raw, "{"):
		if l, ok := parseJSON(raw); ok {
			return l
		}
	case strings.HasPrefix(raw, "time="):
		return parseLogfmt(raw)
	}
	if l, ok := r.parseKlog(raw); ok {
		return l
	}
	l := Line{Level: Plain, Text: strings.TrimSpace(raw)}
	for _, loud := range []string{"panic:", "fatal error:", "Error:", "error:", "runtime:"} {
		if strings.HasPrefix(l.Text, loud) {
			l.Level = Fatal
		}
	}
	return l
}

// parseJSON reads etcd's lines.
func parseJSON(raw string) (Line, bool) {
	var fields map[string]any
	if json.Unmarshal([]byte(raw), &fields) != nil {
		return Line{}, false
	}
	word := func(key string) string {
		s, _ := fields[key].(string)
		return s
	}
	message := word("msg")
	if message == "" {
		return Line{}, false
	}
	l := Line{Text: message}
	for _, key := range []string{"path", "remote-addr", "local-member-cluster-id", "remote-peer-cluster-id", "error"} {
		if value := word(key); value != "" {
			l.Text += ": "
			if key != "error" {
				l.Text += key + "="
			}
			l.Text += value
		}
	}
	l.At, _ = time.Parse(time.RFC3339Nano, word("ts"))
	l.Level = level(word("level"))
	return l, true
}

// parseLogfmt reads containerd's lines.
func parseLogfmt(raw string) Line {
	var l Line
	var rest []string
	for _, f := range fields(raw) {
		switch f.key {
		case "time":
			l.At, _ = time.Parse(time.RFC3339Nano, f.value)
		case "level":
			l.Level = level(f.value)
		case "msg":
			l.Text = f.value
		case "error":
			rest = append(rest, f.value)
		case "":
			rest = append(rest, f.value)
		}
	}
	l.Text = strings.Join(append([]string{l.Text}, rest...), ": ")
	return l
}

func level(word string) Level {
	switch word {
	case "warn", "warning":
		return Warning
	case "error":
		return Error
	case "fatal", "panic", "dpanic":
		return Fatal
	}
	return Info
}

func (r *Reader) parseKlog(raw string) (Line, bool) {
	m := r.klog.FindStringSubmatch(raw)
	if m == nil {
		return Line{}, false
	}
	l := Line{Level: map[string]Level{"I": Info, "W": Warning, "E": Error, "F": Fatal}[m[1]], Text: m[3]}
	if at, err := time.ParseInLocation("2006 0102 15:04:05.000000", strconv.Itoa(r.now.Year())+" "+m[2], r.now.Location()); err == nil {
		if at.After(r.now.Add(24 * time.Hour)) {
			at = at.AddDate(-1, 0, 0) // December's, read in January
		}
		l.At = at
	}
	if strings.HasPrefix(l.Text, `"`) {
		l.Text = structured(l.Text)
	}
	return l, true
}

// structured turns klog's `"message" err="why" pod="ns/name"` into
// `message: why (pod=ns/name)`.
func structured(raw string) string {
	var message, why string
	var others []string
	for _, f := range fields(raw) {
		switch {
		case f.key == "" && message == "":
			message = f.value
		case f.key == "err" || f.key == "error":
			why = f.value
		case f.key == "":
			others = append(others, f.value)
		default:
			others = append(others, f.key+"="+f.value)
		}
	}
	if why != "" {
		message += ": " + why
	}
	if len(others) > 0 {
		message += " (" + strings.Join(others, " ") + ")"
	}
	return message
}

type field struct{ key, value string }

// fields splits `key=value key="quoted value" "bare quoted" word`.
func fields(s string) []field {
	var list []field
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		var f field
		end := strings.IndexAny(s, " =\"")
		if end > 0 && s[end] == '=' {
			f.key, s = s[:end], s[end+1:]
		}
		quoted, err := strconv.QuotedPrefix(s)
		if err == nil && strings.HasPrefix(s, `"`) {
			f.value, _ = strconv.Unquote(quoted)
			s = s[len(quoted):]
		} else {
			f.value, s, _ = strings.Cut(s, " ")
		}
		list = append(list, f)
	}
	return list
}

func (r *Reader) redact(s string) string {
	for _, hidden := range r.secrets {
		s = hidden.pattern.ReplaceAllString(s, hidden.with)
	}
	return s
}
