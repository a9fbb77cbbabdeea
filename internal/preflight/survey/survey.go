// Package survey reads from a host what several checks look at, each thing once.
package survey

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"syscall"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observe"
)

// Survey is one look at a host. It is safe for concurrent use, and what it has
// read once it does not read again.
type Survey struct {
	host host.Host

	network   once[observe.Network]
	mounts    once[[]observe.Mount]
	kernel    once[*observe.Kernel]
	processes once[[]Process]
	listeners once[[]Listener]
	holders   once[map[uint64]Process]
	clock     once[Clock]
}

// New begins a look at a host; nothing is read yet.
func New(h host.Host) *Survey {
	return &Survey{host: h}
}

// once keeps the first answer to a question.
type once[T any] struct {
	do    sync.Once
	value T
	err   error
}

func (o *once[T]) get(read func() (T, error)) (T, error) {
	o.do.Do(func() { o.value, o.err = read() })
	return o.value, o.err
}

// Network is the host's addresses and routes.
func (s *Survey) Network(ctx context.Context) (observe.Network, error) {
	return s.network.get(func() (observe.Network, error) { return observe.ReadNetwork(ctx, s.host) })
}

// Mounts are the host's mounted file systems.
func (s *Survey) Mounts(ctx context.Context) ([]observe.Mount, error) {
	return s.mounts.get(func() ([]observe.Mount, error) { return observe.ReadMounts(ctx, s.host) })
}

// Kernel is what the host's kernel can do.
func (s *Survey) Kernel(ctx context.Context) (*observe.Kernel, error) {
	return s.kernel.get(func() (*observe.Kernel, error) { return observe.ReadKernel(ctx, s.host) })
}

// Text returns a file whole; a missing one is "".
func (s *Survey) Text(ctx context.Context, path string) (string, error) {
	text, err := observe.ReadText(ctx, s.host, path)
	if Missing(err) {
		return "", nil
	}
	return text, err
}

// Exists is true when there is something at path, whatever it is.
func (s *Survey) Exists(ctx context.Context, path string) (bool, error) {
	_, err := s.host.Stat(ctx, path)
	if Missing(err) {
		return false, nil
	}
	return err == nil, err
}

// List describes what a folder holds; a missing folder, or something that is
// none, holds nothing.
func (s *Survey) List(ctx context.Context, dir string) ([]host.Entry, error) {
	entries, err := s.host.List(ctx, dir)
	if Missing(err) {
		return nil, nil
	}
	return entries, err
}

// searchPath is where programs are looked for: the folders that systemd and
// sshd put in PATH.
func searchPath() []string {
	return []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}
}

// Program finds an executable file by name; "" is none.
func (s *Survey) Program(ctx context.Context, name string) (string, error) {
	for _, dir := range searchPath() {
		path := dir + "/" + name
		e, err := s.host.Stat(ctx, path)
		if Missing(err) {
			continue
		}
		if err != nil {
			return "", err
		}
		if e.Mode&fs.ModeSymlink == 0 {
			if e.Mode.IsRegular() && e.Mode.Perm()&0o111 != 0 {
				return path, nil
			}
			continue
		}
		// A link may point at nothing, so it is followed.
		if r, err := s.host.Open(ctx, path); err == nil {
			return path, r.Close()
		}
	}
	return "", nil
}

// Nearest is path itself, or the closest folder above it that exists.
func (s *Survey) Nearest(ctx context.Context, path string) (string, error) {
	for path != "/" {
		there, err := s.Exists(ctx, path)
		if err != nil || there {
			return path, err
		}
		path = path[:max(strings.LastIndex(path, "/"), 0)]
		if path == "" {
			path = "/"
		}
	}
	return path, nil
}

// Missing says that there is nothing at a path, nor could be: its parent may
// be a file, or a process may have ended while it was looked at.
func Missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ESRCH)
}
