package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"keelway.dev/keelway/internal/host"
)

// Run runs one command in a process group of its own. When the context ends,
// the group gets SIGTERM, and SIGKILL five seconds later. A command ended by a
// signal has code 128 + signal, as in a shell. More than 64 MiB on standard
// output is an error; of standard error the first 64 MiB are kept.
func (h *Host) Run(ctx context.Context, c host.Command) (host.Result, error) {
	if len(c.Argv) == 0 {
		return host.Result{}, errors.New("run: no command given")
	}
	name := c.Argv[0]
	cmd := exec.CommandContext(ctx, name, c.Argv[1:]...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Dir = "/"
	cmd.Stdin = c.Stdin
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, stderr := &host.Output{}, &host.Output{}
	cmd.Stdout, cmd.Stderr = stdout, stderr

	var kill *time.Timer
	var once sync.Mutex // a timer that fires late must not signal a group of others
	ended := false
	signal := func(s syscall.Signal) error {
		once.Lock()
		defer once.Unlock()
		if ended {
			return os.ErrProcessDone
		}
		return syscall.Kill(-cmd.Process.Pid, s)
	}
	cmd.Cancel = func() error {
		kill = time.AfterFunc(h.grace, func() { _ = signal(syscall.SIGKILL) })
		return signal(syscall.SIGTERM)
	}
	// A grandchild outside the group can hold the pipes; it is not waited for.
	cmd.WaitDelay = h.grace + time.Second
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			err = fmt.Errorf("%w: %w", err, fs.ErrNotExist)
		}
		return host.Result{}, fmt.Errorf("run %s: %w", name, err)
	}
	err := cmd.Wait()
	if ctx.Err() != nil {
		// The leader may be gone and its children not.
		_ = signal(syscall.SIGKILL)
	}
	once.Lock()
	ended = true
	once.Unlock()
	if kill != nil {
		kill.Stop()
	}

	res := host.Result{Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), Code: code(cmd.ProcessState)}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil && cmd.ProcessState != nil && !cmd.ProcessState.Success():
		return res, fmt.Errorf("run %s: ended by its caller: %w", name, context.Cause(ctx))
	case stdout.Over():
		return res, fmt.Errorf("run %s: more than %d MiB on standard output", name, host.MaxOutput>>20)
	case err == nil, errors.As(err, &exit), errors.Is(err, exec.ErrWaitDelay):
		return res, nil
	case ctx.Err() != nil && cmd.ProcessState.Success():
		return res, nil
	default:
		return res, fmt.Errorf("run %s: %w", name, err)
	}
}

func code(p *os.ProcessState) int {
	if p == nil {
		return -1
	}
	if w, ok := p.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return p.ExitCode()
}
