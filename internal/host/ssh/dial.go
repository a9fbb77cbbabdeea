package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// Dial opens a "tcp" or "unix" connection from the machine, as the user that is
// logged in: sudo does not reach so far.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "tcp" && network != "unix" {
		return nil, fmt.Errorf("dial %s %s: a host connects by tcp or unix", network, address)
	}
	k, err := h.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	far, err := k.client.DialContext(ctx, network, address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: where{network, h.Name() + ":" + address}, Err: h.explainDial(ctx, k, network, address, err)}
	}
	// A channel knows no deadlines, and TLS and HTTP use them. A pipe does.
	near, inner := net.Pipe()
	go func() {
		_, _ = io.Copy(inner, far) // the end of either side is the end of both
		inner.Close()
	}()
	go func() {
		_, _ = io.Copy(far, inner)
		far.Close()
		inner.Close()
	}()
	return &tunnel{Conn: near, to: where{network, address}}, nil
}

// explainDial gives the errors that callers know from a machine of their own.
func (h *Host) explainDial(ctx context.Context, k *conn, network, address string, err error) error {
	var refused *ssh.OpenChannelError
	switch {
	case !errors.As(err, &refused):
		return k.explain(err)
	case refused.Reason == ssh.Prohibited:
		return fmt.Errorf("the SSH server allows no connections from the machine: %w; AllowTcpForwarding and AllowStreamLocalForwarding in its sshd_config must be yes, as they are by default", err)
	case network == "tcp" && strings.Contains(refused.Message, "refused"):
		return &os.SyscallError{Syscall: "connect", Err: syscall.ECONNREFUSED}
	case network != "unix":
		return err
	}
	_, statErr := h.Stat(ctx, address)
	switch {
	case errors.Is(statErr, fs.ErrNotExist):
		return &os.SyscallError{Syscall: "connect", Err: syscall.ENOENT}
	case h.sudo():
		return fmt.Errorf("%w; sockets are reached as %s, without sudo: connect as root where it may not use %s", err, h.config.User, address)
	}
	return fmt.Errorf("%w (%w)", &os.SyscallError{Syscall: "connect", Err: syscall.ECONNREFUSED}, err)
}

// tunnel is a connection that the machine has opened.
type tunnel struct {
	net.Conn
	to where
}

// RemoteAddr is the address as the machine knows it.
func (t *tunnel) RemoteAddr() net.Addr { return t.to }

type where struct{ network, address string }

func (w where) Network() string { return w.network }
func (w where) String() string  { return w.address }
