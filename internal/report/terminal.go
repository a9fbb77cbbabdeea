package report

import (
	"io"
	"strings"
	"sync"
	"time"
)

// Terminal writes one line for each finished step and keeps a live line below
// them while steps run. Its methods are safe for concurrent use.
type Terminal struct {
	mu   sync.Mutex
	w    io.Writer
	opts Options
	glyphs
	track
	phase       string // of the line above
	hostColumns int
	frame       int
	shown       bool // a live line stands below
	closed      bool

	stop, stopped chan struct{}
}

// NewTerminal returns a sink that draws on a terminal until Close is called.
//
// Each write ends with the cursor in the first column, automatic margins on
// and no colour set, so the terminal is sane even after SIGKILL. The cursor is
// never hidden or moved to another row. Errors of w are ignored.
func NewTerminal(w io.Writer, opts Options) *Terminal {
	t := newTerminal(w, opts)
	t.stop, t.stopped = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(t.stopped)
		tick := time.NewTicker(t.opts.Redraw)
		defer tick.Stop()
		for {
			select {
			case <-t.stop:
				return
			case <-tick.C:
				t.redraw()
			}
		}
	}()
	return t
}

// newTerminal is a Terminal that nothing redraws.
func newTerminal(w io.Writer, opts Options) *Terminal {
	opts = opts.withDefaults()
	return &Terminal{w: w, opts: opts, glyphs: opts.glyphs()}
}

// Close ends the drawing and removes the live line. It may be called again,
// and events that come later are still written, without a live line.
func (t *Terminal) Close() {
	t.mu.Lock()
	first := !t.closed
	t.closed = true
	if first {
		t.flush("")
	}
	t.mu.Unlock()
	if first && t.stop != nil {
		close(t.stop)
		<-t.stopped
	}
}

// Emit writes what e says. The beginning of a step and its waits appear with
// the next redraw.
func (t *Terminal) Emit(e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, a := t.see(e, t.opts.Now())
	done := t.finished(e)
	if e.Kind == Wait && a != nil && t.opts.Verbose > 1 && a.detail != a.said {
		a.said = a.detail
		done = t.answer(e, a)
	}
	if done != "" {
		t.flush(done)
	}
}

func (t *Terminal) redraw() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.frame++
		t.flush("")
	}
}

// Sequences of ECMA-48 and DEC: erase to the end of the line; automatic
// margins off and on. With the margins off a line can never wrap, whatever the
// terminal thinks of a character's width or does between two looks at its size.
const (
	erase     = "\x1b[K"
	marginOff = "\x1b[?7l"
	marginOn  = "\x1b[?7h"
)

// flush writes finished lines in place of the live line, and that below them.
func (t *Terminal) flush(done string) {
	var b strings.Builder
	live := ""
	if !t.closed {
		live = t.live()
	}
	if t.shown && (done != "" || live == "") {
		b.WriteString("\r" + erase)
	}
	b.WriteString(done)
	if live != "" {
		b.WriteString("\r" + marginOff + live + erase + marginOn + "\r")
	}
	t.shown = live != ""
	if b.Len() > 0 {
		_, _ = io.WriteString(t.w, b.String())
	}
}
