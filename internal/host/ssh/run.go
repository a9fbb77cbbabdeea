package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"keelway.dev/keelway/internal/host"
)

var errNoExec = errors.New("the SSH server runs no commands for this user")

// Run runs one command, through sudo when the user is not root. When the
// context ends, its process group gets SIGTERM, and SIGKILL five seconds later.
// A command ended by a signal has code 128 + signal. More than host.MaxOutput
// on standard output is an error.
func (h *Host) Run(ctx context.Context, c host.Command) (host.Result, error) {
	line, err := commandLine(c, h.sudo())
	if err != nil {
		return host.Result{}, err
	}
	k, err := h.connect(ctx)
	if err != nil {
		return host.Result{}, fmt.Errorf("run %s: %w", c.Argv[0], err)
	}
	channel, requests, free, err := k.session(ctx)
	if err != nil {
		return host.Result{}, fmt.Errorf("run %s: %w", c.Argv[0], err)
	}
	defer free()
	res, err := k.run(ctx, channel, requests, line, c)
	if err != nil {
		return res, fmt.Errorf("run %s on %s: %w", c.Argv[0], h.Name(), err)
	}
	return res, nil
}

func (c *conn) run(ctx context.Context, channel ssh.Channel, requests <-chan *ssh.Request, line string, cmd host.Command) (host.Result, error) {
	p, err := launch(channel, requests, line)
	if err != nil {
		return host.Result{}, c.explain(err)
	}
	defer channel.Close()
	stdout, stderr := &host.Output{}, newMarked()
	output := p.collect(stdout, stderr)
	input := p.feed(cmd.Stdin)
	cut := false
	select {
	case <-p.ended:
	case <-ctx.Done():
		cut = true
		c.finish(ctx, p, stderr)
	}
	// A child that lives on can hold the pipes; it is not waited for.
	settle(output, c.host.grace+time.Second)
	channel.Close()
	settle(output, time.Second)

	res := host.Result{Stdout: stdout.Bytes(), Stderr: stderr.bytes(), Code: -1}
	told := false
	select {
	case <-p.ended:
		res.Code, told = p.code, p.told
	default:
	}
	select {
	case err := <-input:
		if err != nil {
			return res, fmt.Errorf("read its input: %w", err)
		}
	default:
	}
	switch {
	case cut && res.Code != 0:
		return res, fmt.Errorf("ended by its caller: %w", context.Cause(ctx))
	case !told:
		settle(c.ended, 200*time.Millisecond)
		if err := c.lost(); err != nil {
			return res, err
		}
		return res, fmt.Errorf("the SSH server closed the session without saying how the command ended")
	case stderr.state() == missing:
		return res, fmt.Errorf("there is no such program: %w", fs.ErrNotExist)
	case stderr.state() != begun:
		return res, c.host.notBegun(res)
	case stdout.Over():
		return res, fmt.Errorf("more than %d MiB on standard output", host.MaxOutput>>20)
	}
	return res, nil
}

// notBegun explains why a shell or sudo did not get as far as the command.
func (h *Host) notBegun(res host.Result) error {
	why := strings.TrimSpace(string(res.Stderr))
	if h.sudo() && strings.Contains(why, "sudo") {
		return &SudoError{Host: h.Name(), User: h.config.User, Why: why}
	}
	return fmt.Errorf("the shell of %s did not begin it: exit status %d: %s", h.config.User, res.Code, why)
}

// SudoError says that the user may not become root without a password.
type SudoError struct{ Host, User, Why string }

func (e *SudoError) Error() string {
	return fmt.Sprintf("%s cannot become root on %s: %s; allow it with a file in /etc/sudoers.d there (%s ALL=(ALL) NOPASSWD: ALL), or connect as root",
		e.User, e.Host, e.Why, e.User)
}

// finish ends a command whose caller has gone: SIGTERM to its group, SIGKILL
// after the grace, and SIGKILL at once for what outlives its leader.
func (c *conn) finish(ctx context.Context, p *process, stderr *marked) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*c.host.grace+5*time.Second)
	defer cancel()
	select {
	case <-stderr.known:
	case <-p.ended:
	case <-ctx.Done():
	case <-c.ended:
	}
	group := stderr.group()
	if group == 0 {
		return
	}
	c.kill(ctx, "TERM", group)
	settle(p.ended, c.host.grace)
	c.kill(ctx, "KILL", group)
	settle(p.ended, c.host.grace)
}

// kill signals a process group. A group that is gone is none to signal, and a
// lost connection is told by the command's own end.
func (c *conn) kill(ctx context.Context, signal string, group int) {
	c.ending.Lock()
	defer c.ending.Unlock()
	channel, requests, err := c.open(ctx)
	if err != nil {
		return
	}
	defer channel.Close()
	line := fmt.Sprintf("kill -%s -- -%d", signal, group)
	if c.host.sudo() {
		line = "sudo -n -- " + line
	}
	if p, err := launch(channel, requests, line); err == nil {
		settle(p.ended, c.host.grace)
	}
}

// marked is a command's standard error with what start writes there taken out.
type marked struct {
	mu    sync.Mutex
	head  []byte // what came before the mark
	what  progress
	pgid  int
	known chan struct{} // closed when the group is known
	out   host.Output
}

// progress is how far a command has come.
type progress int

const (
	notYet progress = iota
	missing
	begun
)

func newMarked() *marked { return &marked{known: make(chan struct{})} }

func (m *marked) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(p)
	if m.what == begun || len(m.head) > 1<<20 {
		_, err := m.out.Write(p)
		return n, err
	}
	m.head = append(m.head, p...)
	if i := bytes.Index(m.head, []byte(missingMark)); i >= 0 {
		m.what = missing
		return n, nil
	}
	i := bytes.Index(m.head, []byte(groupMark))
	if i < 0 {
		return n, nil
	}
	number, rest, whole := bytes.Cut(m.head[i+len(groupMark):], []byte("\n"))
	if !whole {
		return n, nil
	}
	var err error
	if m.pgid, err = strconv.Atoi(string(number)); err != nil || m.pgid < 2 {
		m.pgid = 0 // no group that could be signalled
	}
	m.what = begun
	close(m.known)
	_, err = m.out.Write(rest)
	m.head = nil // a shell's start-up files may talk; the command did not
	return n, err
}

func (m *marked) group() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pgid
}

func (m *marked) state() progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.what
}

func (m *marked) bytes() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.what != begun {
		return append(bytes.Clone(m.head), m.out.Bytes()...)
	}
	return bytes.Clone(m.out.Bytes())
}
