package report

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"keelway.dev/keelway/internal/report/text"
)

// phaseColumns holds the longest of kubeadm's phase names (wait-control-plane).
const phaseColumns = 18

// plainSink writes lines for logs and pipes.
type plainSink struct {
	mu   sync.Mutex
	w    io.Writer
	opts Options
	track
	hostColumns int
}

// NewPlain returns a sink for where no terminal is: a line when the operation
// begins, one for each finished step with its time, one for a wait at most
// every Options.WaitEvery, warnings, notes and failures whole. Each line begins
// with what it is about (start, done, wait, failed, warning, note) and never
// changes afterwards. Every event is one write; errors of w are ignored.
func NewPlain(w io.Writer, opts Options) Sink {
	return &plainSink{w: w, opts: opts.withDefaults()}
}

func (s *plainSink) Emit(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, a := s.see(e, s.opts.Now())
	var b strings.Builder
	switch e.Kind {
	case Start:
		s.line(&b, e, "", title(e))
		indent(&b, e.Detail, "    ")
	case Note, Warning:
		e.Step = "" // they may come from a step, but are not about its course
		s.line(&b, e, "", s.where(e))
		indent(&b, e.Detail, "    ")
	case Wait:
		if a != nil && s.worthSaying(e, a) {
			s.line(&b, e, elapsed(e.Time.Sub(a.since).Seconds()), join(title(e), ": ", a.detail))
		}
	case Done:
		if e.Step == "" {
			s.line(&b, e, elapsed(e.Seconds), s.outcome(e, "done"))
			indent(&b, e.Detail, "    ")
			break
		}
		s.line(&b, e, elapsed(e.Seconds), join(title(e), ": ", text.OneLine(e.Detail)))
		if s.opts.Verbose > 0 {
			for _, l := range evidence(e) {
				b.WriteString("    " + l + "\n")
			}
		}
	case Failed:
		if e.Step == "" {
			s.line(&b, e, elapsed(e.Seconds), s.outcome(e, "failed"))
		} else {
			s.line(&b, e, elapsed(e.Seconds), title(e))
		}
		if e.Detail != s.failure {
			indent(&b, e.Detail, "    ")
		}
		s.failure = e.Detail
	}
	if b.Len() > 0 {
		_, _ = io.WriteString(s.w, b.String())
	}
}

// line writes the columns: kind, time, and for a step its phase and host.
func (s *plainSink) line(b *strings.Builder, e Event, took, words string) {
	fmt.Fprintf(b, "%-7s %8s  ", e.Kind, took)
	if e.Step != "" {
		b.WriteString(text.Pad(text.Clean(e.Phase), phaseColumns) + "  ")
		host := s.elsewhere(e)
		s.hostColumns = max(s.hostColumns, text.Columns(host))
		if s.hostColumns > 0 {
			b.WriteString(text.Pad(host, s.hostColumns) + "  ")
		}
	}
	b.WriteString(words + "\n")
}

// worthSaying is true when a wait has something new to say and the last line
// about it is long enough ago.
func (s *plainSink) worthSaying(e Event, a *active) bool {
	quiet := e.Time.Sub(a.saidAt)
	if s.opts.Verbose > 1 && a.detail != a.said {
		quiet = s.opts.WaitEvery
	}
	if quiet < s.opts.WaitEvery || a.detail == a.said && quiet < 6*s.opts.WaitEvery {
		return false
	}
	a.said, a.saidAt = a.detail, e.Time
	return true
}

// outcome is the last line's text: what came out, and after how many steps.
func (t *track) outcome(e Event, otherwise string) string {
	what := title(e)
	if what == "" {
		what = otherwise
	}
	switch t.steps {
	case 0:
		return what
	case 1:
		return what + ": 1 step"
	}
	return fmt.Sprintf("%s: %d steps", what, t.steps)
}

// evidence is what a verbose report adds to a finished step.
func evidence(e Event) []string {
	var out []string
	if reason := text.OneLine(e.Reason); reason != "" {
		out = append(out, "because "+reason)
	}
	for _, f := range e.Files {
		out = append(out, text.Clean(f))
	}
	return out
}

// indent writes all lines of words, each behind margin.
func indent(b *strings.Builder, words, margin string) {
	for _, l := range text.Lines(words) {
		b.WriteString(strings.TrimRight(margin+l, " ") + "\n")
	}
}

func join(a, between, b string) string {
	if b == "" {
		return a
	}
	return a + between + b
}
