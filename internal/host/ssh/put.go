package ssh

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/pkg/sftp"

	"keelway.dev/keelway/internal/host"
)

// Put makes the entry what it says. A file and a link take their place by
// rename; a directory that exists gets the mode and owner.
func (h *Host) Put(ctx context.Context, e host.Entry, content io.Reader) error {
	if err := checkPath(e.Path); err != nil {
		return err
	}
	if err := host.CheckPut(e); err != nil {
		return err
	}
	k, c, err := h.sftp(ctx, forWriting)
	if err != nil {
		return fmt.Errorf("put %s: %w", e.Path, err)
	}
	e.Path = filepath.Clean(e.Path)
	if err := h.makeParents(c, filepath.Dir(e.Path)); err != nil {
		return h.path(k, "put", e.Path, fmt.Errorf("make its folder: %w", err))
	}
	old, err := c.Lstat(e.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return h.path(k, "put", e.Path, err)
	}
	if err == nil && old.IsDir() != e.Mode.IsDir() {
		return h.path(k, "put", e.Path, fmt.Errorf("a %s stands where a %s must be; move it away first", host.TypeName(old.Mode()), host.TypeName(e.Mode)))
	}
	switch e.Mode.Type() {
	case fs.ModeDir:
		h.folders.Lock()
		err = putDir(c, e)
		h.folders.Unlock()
	case fs.ModeSymlink:
		err = h.putLink(ctx, c, e)
	default:
		err = h.putFile(ctx, c, e, content)
	}
	return h.path(k, "put", e.Path, err)
}

func (h *Host) putFile(ctx context.Context, c *sftp.Client, e host.Entry, content io.Reader) error {
	temp := host.TempPath(e.Path)
	done, err := h.writers.enter(ctx, temp)
	if err != nil {
		return err
	}
	defer done()
	f, err := openTemp(c, temp)
	if err != nil {
		return reason(c, temp, err)
	}
	source, sum := &until{ctx: ctx, from: content}, sha256.New()
	var size int64
	if content != nil {
		size, err = f.ReadFromWithConcurrency(io.TeeReader(source, sum), 64)
	}
	if source.err != nil {
		err = source.err // the writer may have stopped for its sake
	}
	if err == nil {
		err = own(f, e)
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = c.PosixRename(temp, e.Path)
	}
	if err != nil {
		err = reason(c, temp, err)
		_ = c.Remove(temp) // the next put takes it away if this cannot
		return err
	}
	h.remember(ctx, e.Path, size, hex.EncodeToString(sum.Sum(nil)))
	return nil
}

// openTemp makes the one temporary file of a path, closed to others. What a
// killed writer left there, or anything else, is taken away and not written to.
func openTemp(c *sftp.Client, temp string) (*sftp.File, error) {
	for last := false; ; last = true {
		f, err := c.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		if err == nil {
			return f, nil
		}
		if removed := c.Remove(temp); last || removed != nil {
			return nil, err
		}
	}
}

// own sets owner before mode: changing the owner clears bits, and a file must
// never be readable by more people than its entry says.
func own(f *sftp.File, e host.Entry) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if s, ok := info.Sys().(*sftp.FileStat); ok && (int(s.UID) != e.UID || int(s.GID) != e.GID) {
		// Between the two calls the new owner has the old mode: narrow it.
		if old := info.Mode().Perm(); old&e.Mode.Perm() != old {
			if err := f.Chmod(old & e.Mode.Perm()); err != nil {
				return err
			}
		}
		if err := f.Chown(e.UID, e.GID); err != nil {
			return err
		}
	}
	return f.Chmod(e.Mode.Perm())
}

// reason finds out why a write failed, which SFTP does not tell: it knows no
// full disk.
func reason(c *sftp.Client, path string, err error) error {
	var status *sftp.StatusError
	if !errors.As(err, &status) {
		return err
	}
	const readOnly = 1 // ST_RDONLY
	v, statErr := c.StatVFS(filepath.Dir(path))
	switch {
	case statErr != nil:
		return err
	case v.Flag&readOnly != 0:
		return fmt.Errorf("%w (%w)", syscall.EROFS, err)
	case v.Ffree == 0 && v.Files > 0, v.Bfree*v.Frsize < 64<<10:
		return fmt.Errorf("%w (%w)", syscall.ENOSPC, err)
	}
	return err
}

// until reads as long as its context lasts, and remembers its own error.
type until struct {
	ctx  context.Context
	from io.Reader
	err  error
}

func (u *until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		u.err = err
		return 0, err
	}
	n, err := u.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		u.err = err
	}
	return n, err
}

// writers lets those who write to the same path take turns.
type writers struct {
	mu   sync.Mutex
	busy map[string]*writer
}

type writer struct {
	turn    chan struct{}
	waiting int
}

func (w *writers) enter(ctx context.Context, path string) (leave func(), err error) {
	w.mu.Lock()
	one := w.busy[path]
	if one == nil {
		one = &writer{turn: make(chan struct{}, 1)}
		w.busy[path] = one
	}
	one.waiting++
	w.mu.Unlock()
	out := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if one.waiting--; one.waiting == 0 {
			delete(w.busy, path)
		}
	}
	select {
	case one.turn <- struct{}{}:
		return func() { <-one.turn; out() }, nil
	case <-ctx.Done():
		out()
		return nil, context.Cause(ctx)
	}
}
