package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// commands is how many commands run at once on a connection. sshd's MaxSessions
// is 10 by default, and two SFTP servers, a lock and the command that ends
// another one need a session too.
const commands = 6

// conn is one SSH connection.
type conn struct {
	host   *Host
	client *ssh.Client
	wire   *watched
	slots  chan struct{}
	ending sync.Mutex // one command at a time ends another one
	files  [2]server

	ended chan struct{} // closed when the connection is over
	once  sync.Once
	why   error // read only after ended
}

func newConn(h *Host, client *ssh.Client, wire *watched) *conn {
	c := &conn{host: h, client: client, wire: wire, slots: make(chan struct{}, commands), ended: make(chan struct{})}
	go func() { c.end(client.Wait()) }()
	go c.watch()
	return c
}

// end is the end of the connection, for the first reason given.
func (c *conn) end(why error) {
	c.once.Do(func() {
		if why == nil {
			why = io.EOF
		}
		c.why = why
		close(c.ended)
		c.wire.drop()
		c.client.Close()
	})
}

// watch asks for a sign of life when nothing was heard for a while, and gives
// the connection up when none comes: anything that is heard is one, so that a
// slow upload is not taken for a dead machine.
func (c *conn) watch() {
	tick := time.NewTicker(c.host.silence / 5)
	defer tick.Stop()
	for {
		select {
		case <-c.ended:
			return
		case <-tick.C:
		}
		quiet := c.wire.quiet()
		if quiet >= c.host.silence*4/5 {
			c.end(fmt.Errorf("%w: nothing was heard for %v", errSilent, quiet.Round(time.Second/10)))
			return
		}
		if quiet > c.host.silence/4 {
			go func() { _, _, _ = c.client.SendRequest("keepalive@openssh.com", true, nil) }()
		}
	}
}

// lost says why the connection is over; nil is that it is not.
func (c *conn) lost() error {
	select {
	case <-c.ended:
		return &LostError{Host: c.host.Name(), Why: c.why}
	default:
		return nil
	}
}

// explain turns an error that the end of the connection has caused into one
// that says so.
func (c *conn) explain(err error) error {
	if err == nil {
		return nil
	}
	if closedByEnd(err) {
		// The end is told to those who wait a moment before it is known here.
		select {
		case <-c.ended:
		case <-time.After(200 * time.Millisecond):
		}
	}
	if lost := c.lost(); lost != nil && closedByEnd(err) {
		return lost
	}
	return err
}

// session opens a channel for one program, in turn.
func (c *conn) session(ctx context.Context) (ssh.Channel, <-chan *ssh.Request, func(), error) {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, nil, context.Cause(ctx)
	case <-c.ended:
		return nil, nil, nil, c.lost()
	}
	free := func() { <-c.slots }
	ch, reqs, err := c.open(ctx)
	if err != nil {
		free()
		return nil, nil, nil, err
	}
	return ch, reqs, free, nil
}

// open opens a session whoever's turn it is. sshd counts a session for a moment
// after it was closed, and may allow fewer of them than usual: then it is asked
// again until one is free.
func (c *conn) open(ctx context.Context) (ssh.Channel, <-chan *ssh.Request, error) {
	deadline := time.Now().Add(30 * time.Second)
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		ch, reqs, err := c.client.OpenChannel("session", nil)
		var refused *ssh.OpenChannelError
		if err == nil {
			return ch, reqs, nil
		}
		if !errors.As(err, &refused) {
			return nil, nil, c.explain(err)
		}
		if time.Now().After(deadline) {
			return nil, nil, fmt.Errorf("%s allows no further session on the connection: %w; MaxSessions in its sshd_config must be 10, as it is by default", c.host.Name(), err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		case <-c.ended:
			return nil, nil, c.lost()
		}
	}
}

func closedByEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.ErrClosedPipe) || errors.Is(err, sftp.ErrSSHFxConnectionLost) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || // of a write, before the end was read
		strings.Contains(err.Error(), "unexpected packet in response to channel open") // x/crypto's word for it
}
