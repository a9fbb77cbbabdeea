package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// dial connects and logs in.
func (h *Host) dial(ctx context.Context) (*conn, error) {
	check, kinds, err := h.config.HostKey.Check(h.address)
	if err != nil {
		return nil, err
	}
	keys, err := h.config.Keys.Gather(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot log in to %s: %w", h.Name(), err)
	}
	defer keys.Close()
	wire, err := h.wire(ctx)
	if err != nil {
		return nil, err
	}
	w := &watched{Conn: wire}
	w.heard.Store(time.Now().UnixNano())
	// The handshake knows nothing of contexts.
	stop := context.AfterFunc(ctx, func() { wire.Close() })
	c, channels, requests, err := ssh.NewClientConn(w, h.address, &ssh.ClientConfig{
		User:              h.config.User,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(keys.Signers...)},
		HostKeyCallback:   check,
		HostKeyAlgorithms: kinds,
	})
	if !stop() && err == nil {
		c.Close()
		err = ctx.Err()
	}
	if err != nil {
		wire.Close()
		return nil, h.explainLogin(ctx, err, keys.Tried, kinds)
	}
	return newConn(h, ssh.NewClient(c, channels, requests), w), nil
}

// wire opens the connection below SSH, through the jump host if there is one.
func (h *Host) wire(ctx context.Context) (net.Conn, error) {
	if h.config.Jump == nil {
		var d net.Dialer
		wire, err := d.DialContext(ctx, "tcp", h.address)
		if err != nil {
			return nil, fmt.Errorf("cannot reach %s: %w; is the machine up, and does its SSH server listen at %s?", h.Name(), err, h.address)
		}
		return wire, nil
	}
	through, err := h.config.Jump.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot reach %s through the jump host: %w", h.Name(), err)
	}
	wire, err := through.client.DialContext(ctx, "tcp", h.address)
	if err != nil {
		return nil, fmt.Errorf("cannot reach %s (%s) through the jump host %s: %w", h.Name(), h.address, h.config.Jump.Name(), through.explain(err))
	}
	return wire, nil
}

// LoginError says that the server takes none of the keys.
type LoginError struct {
	Host, User string
	// Tried are fingerprints and where the keys are from.
	Tried []string
	err   error
}

func (e *LoginError) Error() string {
	return fmt.Sprintf("cannot log in to %s as %s: the server takes none of the keys %s; put the public half of one into ~%s/.ssh/authorized_keys there (for root, sshd must also allow PermitRootLogin prohibit-password)",
		e.Host, e.User, strings.Join(e.Tried, ", "), e.User)
}

func (e *LoginError) Unwrap() error { return e.err }

func (h *Host) explainLogin(ctx context.Context, err error, tried, kinds []string) error {
	var algorithms *ssh.AlgorithmNegotiationError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("cannot log in to %s: its SSH server at %s did not finish within %v: %w", h.Name(), h.address, h.config.Timeout, ctx.Err())
	case strings.Contains(err.Error(), "unable to authenticate"): // x/crypto has no type for it
		return &LoginError{Host: h.Name(), User: h.config.User, Tried: tried, err: err}
	case errors.As(err, &algorithms) && len(kinds) > 0 && strings.Contains(algorithms.Error(), "host key"):
		return fmt.Errorf("refused to connect to %s: its host key has changed: it shows none of the kind that is known (%s): %w", h.Name(), strings.Join(kinds, ", "), err)
	}
	return fmt.Errorf("cannot log in to %s at %s: %w", h.Name(), h.address, err)
}

// watched remembers when something was last heard.
type watched struct {
	net.Conn
	heard atomic.Int64 // nanoseconds since 1970
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if n > 0 {
		w.heard.Store(time.Now().UnixNano())
	}
	return n, err
}

func (w *watched) quiet() time.Duration { return time.Since(time.Unix(0, w.heard.Load())) }

// drop closes without sending what is still queued: a request that arrived
// after the next connection is at work could undo what that does.
func (w *watched) drop() {
	if tcp, ok := w.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the close is only later
	}
	w.Close()
}
