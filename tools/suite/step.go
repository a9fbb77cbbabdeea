package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// step is one program of the run.
type step struct {
	name, why string
	// dir is where it runs, below the root.
	dir  string
	argv []string
	// env is added to the environment; {root} stands for the repository.
	env []string
	// tests is set if it prints the events of go test -json. Otherwise the
	// whole program is one test, and its exit code the result.
	tests bool
	// each is set if every single test is worth a line when it ends.
	each bool
	// root is set if it needs to be root; others skip it, and say so.
	root bool
}

// run returns what the step counted. It never stops the suite.
func (s step) run(ctx context.Context, root string, out io.Writer) tally {
	var got tally
	if s.root && os.Geteuid() != 0 {
		got.skip(s.name, "needs root")
		return got
	}
	command := exec.CommandContext(ctx, s.argv[0], s.argv[1:]...)
	// Ctrl-C reaches the step by itself; SIGTERM is passed on, and a step that
	// does not end by itself then is ended.
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = time.Minute
	command.Dir = filepath.Join(root, s.dir)
	command.Env = os.Environ()
	for _, e := range s.env {
		command.Env = append(command.Env, strings.ReplaceAll(e, "{root}", root))
	}
	command.Stderr = out
	if !s.tests {
		command.Stdout = out
		if err := command.Run(); err != nil {
			got.fail(s.name, fmt.Sprintf("%s: %v", strings.Join(s.argv, " "), err))
			return got
		}
		got.passed++
		return got
	}
	pipe, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		got.fail(s.name, err.Error())
		return got
	}
	r := reader{out: out, each: s.each, tally: &got, open: map[string]*test{}}
	r.read(pipe)
	err = command.Wait()
	switch {
	case err != nil && len(got.failed) == 0:
		got.fail(s.name, fmt.Sprintf("%s: %v, with no failed test", strings.Join(s.argv, " "), err))
	case err == nil && got.passed+len(got.failed)+len(got.skipped) == 0:
		got.fail(s.name, strings.Join(s.argv, " ")+": ran no test")
	}
	return got
}
