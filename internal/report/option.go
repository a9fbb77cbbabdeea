package report

import "time"

// Options say how the text sinks write. The zero value is right for most.
type Options struct {
	// NoColor keeps escape sequences for colours out; Choose also sets it where
	// the environment has NO_COLOR (https://no-color.org).
	NoColor bool
	// Verbose says more from 1 on: with each finished step why it was needed and
	// its files. From 2 on, every new answer that a step waits for has a line.
	Verbose int
	// ASCII draws with ASCII only, for consoles whose font has no more.
	ASCII bool
	// Width returns the terminal's columns; it is asked at every redraw. nil,
	// or a result below one, means 80.
	Width func() int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Redraw is how often a terminal's live line is drawn; 0 means 100 ms.
	Redraw time.Duration
	// WaitEvery is the least time between two plain lines about the same wait;
	// 0 means 5 s. An answer that stays the same is repeated every six of these.
	WaitEvery time.Duration
}

func (o Options) withDefaults() Options {
	if o.Width == nil {
		o.Width = func() int { return 0 }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Redraw <= 0 {
		o.Redraw = 100 * time.Millisecond
	}
	if o.WaitEvery <= 0 {
		o.WaitEvery = 5 * time.Second
	}
	return o
}

// columns is the width to draw for.
func (o Options) columns() int {
	if n := o.Width(); n > 0 {
		return n
	}
	return 80
}

// glyphs are the signs that a terminal's lines begin with.
type glyphs struct {
	done, failed, warning, note string
	dot, ellipsis               string
	spinner                     []string
}

func (o Options) glyphs() glyphs {
	if o.ASCII {
		return glyphs{done: "+", failed: "x", warning: "!", note: "-", dot: "-", ellipsis: "~",
			spinner: []string{"|", "/", "-", "\\"}}
	}
	return glyphs{done: "✓", failed: "✗", warning: "!", note: "·", dot: "·", ellipsis: "…",
		spinner: []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}}
}
