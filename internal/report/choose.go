package report

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// File is what Choose needs to know of an output; *os.File is one.
type File interface {
	io.Writer
	Fd() uintptr
}

// Formats are the values of --output that Choose knows.
func Formats() []string { return []string{"text", "json"} }

// surroundings are what the choice depends on beside the flags.
type surroundings struct {
	terminal bool
	// term, noColor are the environment's TERM and NO_COLOR.
	term, noColor string
	width         func() int
}

// Choose returns the sink for --output format on out: "text" (or "") draws on
// a terminal and writes plain lines elsewhere and where TERM is "dumb" or
// unset, "json" writes JSON lines, anything else is an error. opts gives what
// the user asked for; NO_COLOR in the environment adds to it, and Width and
// ASCII are set from the terminal. end must be called when the operation ends,
// however it ends; it may be called again.
func Choose(out File, format string, opts Options) (sink Sink, end func(), err error) {
	fd := int(out.Fd())
	return choose(out, format, opts, surroundings{
		terminal: term.IsTerminal(fd),
		term:     os.Getenv("TERM"),
		noColor:  os.Getenv("NO_COLOR"),
		width: func() int {
			columns, _, err := term.GetSize(fd)
			if err != nil {
				return 0
			}
			return columns
		},
	})
}

func choose(out io.Writer, format string, opts Options, s surroundings) (Sink, func(), error) {
	switch format {
	case "json":
		return NewJSON(out), func() {}, nil
	case "", "text":
	default:
		return nil, nil, fmt.Errorf("cannot report as %q: --output takes %q for people or %q for JSON lines, one event each",
			format, Formats()[0], Formats()[1])
	}
	if !s.terminal || s.term == "dumb" || s.term == "" {
		return NewPlain(out, opts), func() {}, nil
	}
	opts.NoColor = opts.NoColor || s.noColor != ""
	opts.Width = s.width
	switch s.term {
	case "linux", "vt100", "vt102", "vt220":
		opts.ASCII = true // the kernel's console and serial lines
	}
	t := NewTerminal(out, opts)
	return t, t.Close, nil
}
