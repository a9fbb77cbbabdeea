// Package hosttest is a host in memory for tests, and the test-suite that every kind of host must pass.
package hosttest

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"sync"
	"time"

	"keelway.dev/keelway/internal/host"
)

// Host is a machine in memory: files, scripted commands, listeners and faults.
// It is safe for concurrent use. Make one with New.
type Host struct {
	name string

	mu       sync.Mutex
	root     *node
	inodes   uint64
	clock    time.Time
	space    int64 // bytes left; negative is unlimited
	mounts   map[string]bool
	commands []script
	dialers  map[string]func(ctx context.Context) (net.Conn, error)
	faults   []*Fault
	calls    []Call
}

var _ host.Host = (*Host)(nil)

// Call is one use of the host, in the order in which they began.
type Call struct {
	// Op is "stat", "list", "open", "put", "remove", "run" or "dial".
	Op string
	// Path is the path, or the address for dial; for run it is the command
	// line, its words joined by spaces.
	Path string
	// Argv and Env are those of a command.
	Argv, Env []string
}

// Writes tells whether the call was meant to change the machine: put, remove or run.
func (c Call) Writes() bool { return c.Op == "put" || c.Op == "remove" || c.Op == "run" }

// New returns an empty machine. Its clock stands at an arbitrary time and moves
// by one second with each change, so that tests repeat exactly.
func New(name string) *Host {
	h := &Host{
		name:    name,
		clock:   time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		space:   -1,
		mounts:  map[string]bool{},
		dialers: map[string]func(context.Context) (net.Conn, error){},
	}
	h.root = h.newNode(fs.ModeDir | 0o755)
	return h
}

// Name is the name given to New.
func (h *Host) Name() string { return h.name }

// SetSpace sets how many bytes of file content fit in addition to what is
// there; one more is refused with ENOSPC. A negative number is no limit.
func (h *Host) SetSpace(bytes int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.space = bytes
}

// Mount makes path count as a mount point, which Remove refuses to cross.
func (h *Host) Mount(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mounts[clean(path)] = true
}

// Unmount undoes Mount.
func (h *Host) Unmount(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.mounts, clean(path))
}

// HandleDial makes Dial of the address answer with what f returns; without it
// the connection is refused.
func (h *Host) HandleDial(network, address string, f func(ctx context.Context) (net.Conn, error)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dialers[network+" "+address] = f
}

// Dial answers with what HandleDial was given for the address.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := h.begin(ctx, Call{Op: "dial", Path: address}); err != nil {
		return nil, err
	}
	if network != "tcp" && network != "unix" {
		return nil, fmt.Errorf("dial %s %s: a host connects by tcp or unix", network, address)
	}
	h.mu.Lock()
	f := h.dialers[network+" "+address]
	h.mu.Unlock()
	if f == nil {
		return nil, refused(network, address)
	}
	return f(ctx)
}

// Calls returns what was asked of the host until now.
func (h *Host) Calls() []Call {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Call(nil), h.calls...)
}

// Forget empties the record of calls.
func (h *Host) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = nil
}

// Ran returns the command lines that were run, their words joined by spaces.
func (h *Host) Ran() []string {
	var lines []string
	for _, c := range h.Calls() {
		if c.Op == "run" {
			lines = append(lines, strings.Join(c.Argv, " "))
		}
	}
	return lines
}

// begin records the call and returns the fault that is due for it.
func (h *Host) begin(ctx context.Context, c Call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, c)
	for _, f := range h.faults {
		if err := f.due(c); err != nil {
			return err
		}
	}
	return nil
}
