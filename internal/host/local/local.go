// Package local is the machine that Keelway itself runs on, as a host.
package local

import (
	"sync"

	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"keelway.dev/keelway/internal/host"
)

// Host is this machine.
type Host struct {
	name string
	// grace is how long a cancelled command may take to end after SIGTERM.
	grace time.Duration
	// folders is held while folders are made: see makeParents.
	folders sync.Mutex
}

var _ host.Host = (*Host)(nil)

// New returns this machine under the given name; "" takes the kernel's host name.
func New(name string) (*Host, error) {
	if name == "" {
		var err error
		if name, err = os.Hostname(); err != nil {
			return nil, fmt.Errorf("find this machine's name: %w", err)
		}
	}
	return &Host{name: name, grace: 5 * time.Second}, nil
}

// Name is what people call the machine.
func (h *Host) Name() string { return h.name }

// Stat describes path itself.
func (h *Host) Stat(_ context.Context, path string) (host.Entry, error) {
	if err := checkPath(path); err != nil {
		return host.Entry{}, err
	}
	return stat(path)
}

// List describes what a directory holds, sorted by name. What disappears while
// it looks is left out.
func (h *Host) List(ctx context.Context, dir string) ([]host.Entry, error) {
	if err := checkPath(dir); err != nil {
		return nil, err
	}
	found, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	entries := make([]host.Entry, 0, len(found))
	for _, f := range found {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e, err := stat(filepath.Join(dir, f.Name()))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// Open reads a regular file, following links. What it returns is an *os.File,
// so that Put of it on the same machine is copied inside the kernel.
func (h *Host) Open(_ context.Context, path string) (io.ReadCloser, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	// O_NONBLOCK: opening a named pipe must not wait for its writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("is a %s, not a regular file", host.TypeName(info.Mode()))}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Dial opens a "tcp" or "unix" connection.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "tcp" && network != "unix" {
		return nil, fmt.Errorf("dial %s %s: a host connects by tcp or unix", network, address)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

func checkPath(path string) error {
	if !filepath.IsAbs(path) {
		return &fs.PathError{Op: "use", Path: path, Err: fmt.Errorf("%w: a path on a host is absolute", fs.ErrInvalid)}
	}
	return nil
}

func stat(path string) (host.Entry, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return host.Entry{}, err
	}
	e := host.Entry{Path: path, Mode: info.Mode(), Size: info.Size(), ModTime: info.ModTime()}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		e.UID, e.GID, e.Inode = int(s.Uid), int(s.Gid), s.Ino
	}
	if e.Mode&fs.ModeSymlink != 0 {
		if e.Link, err = os.Readlink(path); err != nil {
			return host.Entry{}, err
		}
	}
	return e, nil
}
