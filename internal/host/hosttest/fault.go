package hosttest

import (
	"fmt"
	"net"
	"os"
	"path"
	"strings"
	"syscall"
)

// Fault makes operations fail. The zero values of Op and Path match everything.
type Fault struct {
	// Op is the operation to fail, as in Call.
	Op string
	// Path is a pattern of path.Match on the call's path, or a folder ending in
	// "/" that stands for everything below it.
	Path string
	// Nth is which matching call fails, from 1; 0 fails every one.
	Nth int
	// Err is what it returns, such as syscall.ENOSPC; nil stands for syscall.EIO.
	Err error

	seen int
}

// Inject adds a fault; faults stay until Heal.
func (h *Host) Inject(f Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = append(h.faults, &f)
}

// Heal takes all faults away.
func (h *Host) Heal() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = nil
}

// due counts the call and returns the error it must fail with, if any.
func (f *Fault) due(c Call) error {
	if f.Op != "" && f.Op != c.Op {
		return nil
	}
	if f.Path != "" && !f.matches(c.Path) {
		return nil
	}
	f.seen++
	if f.Nth != 0 && f.Nth != f.seen {
		return nil
	}
	err := f.Err
	if err == nil {
		err = syscall.EIO
	}
	return fmt.Errorf("%s %s: %w", c.Op, c.Path, err)
}

func (f *Fault) matches(p string) bool {
	if strings.HasSuffix(f.Path, "/") {
		return strings.HasPrefix(p, f.Path)
	}
	ok, err := path.Match(f.Path, p)
	return ok && err == nil
}

func refused(network, address string) error {
	return &net.OpError{Op: "dial", Net: network, Err: &os.SyscallError{Syscall: "connect", Err: fmt.Errorf("%s: %w", address, syscall.ECONNREFUSED)}}
}
