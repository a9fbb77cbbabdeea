// Package ssh is a machine that is reached over SSH, as a host.
package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/ssh/hostkey"
	"keelway.dev/keelway/internal/host/ssh/identity"
	"keelway.dev/keelway/internal/host/ssh/sums"
)

// Config says how a machine is reached.
type Config struct {
	// Name is what people call the machine; "" is its address.
	Name    string
	Address string
	Port    int    // 0 is 22
	User    string // "" is root; any other one works through sudo
	Keys    identity.Source
	HostKey hostkey.Policy
	// Jump is the machine that the connection goes through (ProxyJump). Hosts
	// that share one share its connection.
	Jump *Host
	// Sums remembers checksums of the machine's files; nil is for this Host's own
	// life.
	Sums *sums.Book
	// Timeout is how long connecting and logging in may take; 0 is 20 seconds.
	Timeout time.Duration
}

// Host is a machine over SSH. It connects when it is first used, keeps one
// connection for everything, and connects again when that was lost. It is safe
// for concurrent use.
type Host struct {
	config  Config
	address string // host:port

	grace   time.Duration // how long a cancelled command may take to end after SIGTERM
	silence time.Duration // how long nothing may be heard before the connection counts as lost
	// beat is how often the holder of a lock says that it lives. The machine
	// lets go when it has heard nothing for three beats, so that a lock does not
	// outlive a connection that was cut and that no packet ends.
	beat time.Duration
	// patience is how long a new connection waits for a lock of the last one.
	patience time.Duration

	mu      sync.Mutex
	closed  bool
	attempt *attempt
	held    map[string]func() // locks that a new connection has to take again

	sums    *sums.Book
	folders sync.Mutex // held while folders are made
	writers writers
}

var (
	_ host.Host   = (*Host)(nil)
	_ host.Linker = (*Host)(nil)
	_ host.Kernel = (*Host)(nil)
	_ host.Locker = (*Host)(nil)
	_ host.Hasher = (*Host)(nil)
	_ host.Dater  = (*Host)(nil)
)

// New returns the machine and connects to nothing yet.
func New(c Config) *Host {
	if c.Port == 0 {
		c.Port = 22
	}
	if c.User == "" {
		c.User = "root"
	}
	if c.Timeout == 0 {
		c.Timeout = 20 * time.Second
	}
	c.Address = strings.Trim(c.Address, "[]")
	if c.Name == "" {
		c.Name = c.Address
	}
	if c.HostKey.Host == "" {
		c.HostKey.Host = c.Name
	}
	if c.Sums == nil {
		c.Sums = &sums.Book{}
	}
	return &Host{
		config: c, sums: c.Sums, address: net.JoinHostPort(c.Address, strconv.Itoa(c.Port)),
		grace: 5 * time.Second, silence: 15 * time.Second, beat: 5 * time.Second, patience: 20 * time.Second,
		held: map[string]func(){}, writers: writers{busy: map[string]*writer{}},
	}
}

// Name is what people call the machine.
func (h *Host) Name() string { return h.config.Name }

// sudo is true when what is done on the machine needs it.
func (h *Host) sudo() bool { return h.config.User != "root" }

// attempt is one try to connect, which everybody who needs the connection waits for.
type attempt struct {
	done chan struct{}
	conn *conn
	err  error
}

// connect returns the connection that is open, or opens one. Everybody who
// waits for the same try gets its error; the next call tries again.
func (h *Host) connect(ctx context.Context) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, fmt.Errorf("the connection to %s was closed: %w", h.Name(), net.ErrClosed)
	}
	a := h.attempt
	if a == nil || a.over() {
		a = &attempt{done: make(chan struct{})}
		h.attempt = a
		go h.try(context.WithoutCancel(ctx), a)
	}
	h.mu.Unlock()
	select {
	case <-a.done:
		return a.conn, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// over is true when the try failed, or its connection has ended.
func (a *attempt) over() bool {
	select {
	case <-a.done:
		return a.err != nil || a.conn.lost() != nil
	default:
		return false
	}
}

func (h *Host) try(ctx context.Context, a *attempt) {
	defer close(a.done)
	login, cancel := context.WithTimeout(ctx, h.config.Timeout)
	defer cancel()
	if a.conn, a.err = h.dial(login); a.err != nil {
		return
	}
	locking, cancel := context.WithTimeout(ctx, h.config.Timeout+h.patience)
	defer cancel()
	if err := h.lockAgain(locking, a.conn); err != nil {
		a.conn.end(err)
		a.conn, a.err = nil, err
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		a.conn.end(net.ErrClosed)
		a.conn, a.err = nil, fmt.Errorf("the connection to %s was closed: %w", h.Name(), net.ErrClosed)
	}
}

// Close ends the connection; what is under way on it fails. Its jump host stays
// connected: others may use it.
func (h *Host) Close() {
	h.mu.Lock()
	h.closed = true
	a := h.attempt
	h.mu.Unlock()
	if a == nil {
		return
	}
	select {
	case <-a.done:
		if a.conn != nil {
			a.conn.end(net.ErrClosed)
		}
	default: // the try sees that the host is closed
	}
}

// LostError says that a connection ended while something was under way on it.
// Whether that was done is not known; to do it again is safe.
type LostError struct {
	Host string
	Why  error
}

func (e *LostError) Error() string {
	return fmt.Sprintf("the connection to %s was lost (%v): what was under way there may be done or not; run this again", e.Host, e.Why)
}

func (e *LostError) Unwrap() error { return e.Why }

// errSilent is why a connection is given up.
var errSilent = errors.New("the machine does not answer any more")
