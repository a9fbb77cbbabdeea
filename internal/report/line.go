package report

import (
	"fmt"
	"strings"

	"keelway.dev/keelway/internal/report/text"
)

// maxColumns bounds a finished line: on a wider terminal the time would stand
// too far from what took it.
const maxColumns = 100

// usable is how many columns a finished line may take. The last column stays
// free: some terminals wrap as soon as it is written.
func (t *Terminal) usable() int { return max(1, min(t.opts.columns()-1, maxColumns)) }

// finished is the lines that an event becomes, or "".
func (t *Terminal) finished(e Event) string {
	var b strings.Builder
	switch e.Kind {
	case Start:
		t.phase, t.hostColumns = "", 0
		t.write(&b, span{title(e), bold})
		indent(&b, e.Detail, "  ")
	case Note:
		t.remark(&b, e, span{t.note + " ", dim})
	case Warning:
		t.remark(&b, e, span{t.warning + " ", yellow})
	case Done:
		if e.Step == "" {
			t.end(&b, e, span{t.done + " ", green}, "done", "in")
			break
		}
		t.step(&b, e, span{"  ", plainText}, plainText, text.OneLine(e.Detail))
		if t.opts.Verbose > 0 {
			for _, l := range evidence(e) {
				t.write(&b, span{"    " + l, dim})
			}
		}
	case Failed:
		if e.Step == "" {
			t.end(&b, e, span{t.failed + " ", red}, "failed", "after")
			break
		}
		t.step(&b, e, span{t.failed + " ", red}, red, "")
		indent(&b, e.Detail, "    ")
		t.failure, t.phase = e.Detail, ""
	}
	return b.String()
}

// write adds one line, cut to the terminal.
func (t *Terminal) write(b *strings.Builder, spans ...span) {
	b.WriteString(paint(spans, t.opts.columns()-1, !t.opts.NoColor, t.ellipsis) + "\n")
}

// step adds a finished step: sign, phase where it changes, host, what, and at
// the right its time.
func (t *Terminal) step(b *strings.Builder, e Event, sign span, emphasis style, detail string) {
	spans := []span{sign}
	room := t.usable() - 2
	if room >= 60 {
		phase := text.Clean(e.Phase)
		if phase == t.phase && e.Kind != Failed {
			phase = ""
		}
		t.phase = text.Clean(e.Phase)
		column := text.Pad(phase, phaseColumns) + "  "
		spans = append(spans, span{column, cyan})
		room -= text.Columns(column)
	}
	host := t.elsewhere(e)
	t.hostColumns = max(t.hostColumns, text.Columns(host))
	if t.hostColumns > 0 {
		spans = append(spans, span{text.Pad(host, t.hostColumns) + "  ", plainText})
		room -= t.hostColumns + 2
	}
	took := elapsed(e.Seconds)
	room -= max(8, text.Columns(took)+1)
	what := text.Cut(title(e), room, t.ellipsis)
	room -= text.Columns(what)
	spans = append(spans, span{what, emphasis})
	if detail != "" && room > 10 {
		detail = text.Cut(" "+t.dot+" "+detail, room, t.ellipsis)
		room -= text.Columns(detail)
		spans = append(spans, span{detail, dim})
	}
	t.write(b, append(spans, span{text.PadLeft("", room+max(8-text.Columns(took), 1)), plainText}, span{took, dim})...)
}

// answer is the line about what a step was told while it waits.
func (t *Terminal) answer(e Event, a *active) string {
	var b strings.Builder
	t.write(&b, span{"    " + ticking(e.Time.Sub(a.since)) + "  " + t.where(a.begin) + ": " + a.detail, dim})
	return b.String()
}

// remark adds a note or warning, whole, with its details below.
func (t *Terminal) remark(b *strings.Builder, e Event, sign span) {
	t.phase = ""
	e.Step = "" // it may come from a step, but is not about its course
	for _, l := range text.Wrap(t.where(e), t.usable()-2) {
		b.WriteString(paint([]span{sign, {l, plainText}}, text.Columns(l)+2, !t.opts.NoColor, t.ellipsis) + "\n")
		sign = span{"  ", plainText}
	}
	indent(b, e.Detail, "    ")
}

// end adds the operation's last line and what it has to say after it.
func (t *Terminal) end(b *strings.Builder, e Event, sign span, otherwise, after string) {
	what := title(e)
	if what == "" {
		what = otherwise
	}
	took := fmt.Sprintf(" %s %s", after, elapsed(e.Seconds))
	count := strings.TrimPrefix(t.outcome(e, otherwise), what)
	t.write(b, sign, span{what, bold}, span{took + count, plainText})
	switch {
	case e.Kind == Done && len(text.Lines(e.Detail)) > 0:
		b.WriteString("\n")
		indent(b, e.Detail, "  ")
	case e.Kind == Failed && e.Detail != t.failure:
		indent(b, e.Detail, "    ")
	}
}

// live is the line about what goes on, or "" when nothing does. It keeps room
// for the number of other steps and names them where they fit.
func (t *Terminal) live() string {
	a := t.main()
	if a == nil {
		return ""
	}
	limit := t.opts.columns() - 1
	spans := []span{{t.spinner[t.frame%len(t.spinner)] + " ", cyan}}
	if t.total > 0 {
		spans = append(spans, span{fmt.Sprintf("%d/%d ", min(t.round, t.total), t.total), dim})
	}
	spans = append(spans, span{text.PadLeft(ticking(t.opts.Now().Sub(a.since)), 5) + "  ", plainText})
	spans = append(spans, span{t.where(a.begin), bold}, span{join("", ": ", a.detail), dim})
	var others []string
	for _, o := range t.running {
		if o != a {
			others = append(others, t.where(o.begin))
		}
	}
	if len(others) == 0 {
		return paint(spans, limit, !t.opts.NoColor, t.ellipsis)
	}
	named := span{"  +" + strings.Join(others, ", "), dim}
	counted := span{fmt.Sprintf("  +%d", len(others)), dim}
	used := 0
	for _, s := range spans {
		used += text.Columns(s.words)
	}
	if used+text.Columns(named.words) <= limit {
		return paint(append(spans, named), limit, !t.opts.NoColor, t.ellipsis)
	}
	first := paint(spans, max(0, limit-text.Columns(counted.words)), !t.opts.NoColor, t.ellipsis)
	return first + paint([]span{counted}, limit, !t.opts.NoColor, t.ellipsis)
}
