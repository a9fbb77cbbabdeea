package hosttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"keelway.dev/keelway/internal/host"
)

// Program answers a command. Stdin was read to its end; nil is none.
type Program func(ctx context.Context, h *Host, c host.Command, stdin []byte) (host.Result, error)

type script struct {
	argv []string
	run  Program
}

// Handle makes every command that begins with the words of argv run p. The
// last Handle that fits wins.
func (h *Host) Handle(p Program, argv ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.commands = append(h.commands, script{argv: argv, run: p})
}

// Answer makes every command that begins with the words of argv print stdout
// and exit with the code.
func (h *Host) Answer(stdout string, code int, argv ...string) {
	h.Handle(func(context.Context, *Host, host.Command, []byte) (host.Result, error) {
		return host.Result{Stdout: []byte(stdout), Code: code}, nil
	}, argv...)
}

// Run runs the program that Handle or Answer set. A command that none fits is
// not found, as on a machine where it is not installed.
func (h *Host) Run(ctx context.Context, c host.Command) (host.Result, error) {
	if len(c.Argv) == 0 {
		return host.Result{}, errors.New("run: no command given")
	}
	call := Call{
		Op:   "run",
		Path: strings.Join(c.Argv, " "),
		Argv: append([]string(nil), c.Argv...),
		Env:  append([]string(nil), c.Env...),
	}
	if err := h.begin(ctx, call); err != nil {
		return host.Result{}, err
	}
	run := h.find(c.Argv)
	if run == nil {
		return host.Result{}, fmt.Errorf("run %s: %w", c.Argv[0], fs.ErrNotExist)
	}
	var stdin []byte
	if c.Stdin != nil {
		var err error
		if stdin, err = io.ReadAll(c.Stdin); err != nil {
			return host.Result{}, fmt.Errorf("run %s: read its input: %w", c.Argv[0], err)
		}
	}
	return run(ctx, h, c, stdin)
}

func (h *Host) find(argv []string) Program {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.commands) - 1; i >= 0; i-- {
		s := h.commands[i]
		if len(argv) >= len(s.argv) && strings.Join(argv[:len(s.argv)], "\x00") == strings.Join(s.argv, "\x00") {
			return s.run
		}
	}
	return nil
}
