package ssh

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"

	"github.com/pkg/sftp"
	"golang.org/x/sync/errgroup"

	"keelway.dev/keelway/internal/host"
)

// Stat describes path itself. SFTP tells no inodes, and times in whole seconds.
func (h *Host) Stat(ctx context.Context, path string) (host.Entry, error) {
	return look(ctx, h, "stat", path, func(c *sftp.Client) (host.Entry, error) { return stat(c, path) })
}

// List describes what a directory holds, sorted by name. What disappears while
// it looks is left out.
func (h *Host) List(ctx context.Context, dir string) ([]host.Entry, error) {
	return look(ctx, h, "list", dir, func(c *sftp.Client) ([]host.Entry, error) {
		found, err := c.ReadDirContext(ctx, dir)
		if err != nil {
			return nil, err
		}
		entries := make([]host.Entry, len(found))
		var links errgroup.Group
		links.SetLimit(16)
		for i, info := range found {
			entries[i] = entry(filepath.Join(dir, info.Name()), info)
			if info.Mode()&fs.ModeSymlink == 0 {
				continue
			}
			links.Go(func() (err error) {
				if entries[i].Link, err = c.ReadLink(entries[i].Path); errors.Is(err, fs.ErrNotExist) {
					entries[i].Path, err = "", nil
				}
				return err
			})
		}
		if err := links.Wait(); err != nil {
			return nil, err
		}
		entries = slices.DeleteFunc(entries, func(e host.Entry) bool { return e.Path == "" })
		slices.SortFunc(entries, func(a, b host.Entry) int { return cmp.Compare(path.Base(a.Path), path.Base(b.Path)) })
		return entries, nil
	})
}

// Open reads a regular file, following links.
func (h *Host) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	return look(ctx, h, "open", path, func(c *sftp.Client) (io.ReadCloser, error) {
		// Opening a named pipe would hold up the SFTP server until it is written to.
		info, err := c.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("is a %s, not a regular file", host.TypeName(info.Mode()))
		}
		f, err := c.Open(path)
		if err != nil {
			return nil, err
		}
		if info.Size() == 0 {
			return &reading{bufio.NewReaderSize(&small{f}, part), f}, nil
		}
		return &reading{bufio.NewReaderSize(f, int(min(info.Size()+1, part))), f}, nil
	})
}

// reading asks for as much as an answer takes, or the whole of a smaller file and
// its end: whoever reads it bit by bit has no answer of the server's to wait for.
type reading struct {
	*bufio.Reader
	io.Closer
}

// part is how many bytes are asked for at once, where a file is read in order.
const part = 16 << 10

// look does what changes nothing, and does not wait for it when the context ends.
func look[T any](ctx context.Context, h *Host, op, path string, do func(*sftp.Client) (T, error)) (T, error) {
	var none T
	if err := checkPath(path); err != nil {
		return none, err
	}
	k, c, err := h.sftp(ctx, forLooking)
	if err != nil {
		return none, fmt.Errorf("%s %s: %w", op, path, err)
	}
	type answer struct {
		value T
		err   error
	}
	got := make(chan answer, 1)
	go func() {
		v, err := do(c)
		got <- answer{v, err}
	}()
	select {
	case a := <-got:
		return a.value, h.path(k, op, path, a.err)
	case <-ctx.Done():
		go func() {
			if f, ok := any((<-got).value).(io.Closer); ok && f != nil {
				f.Close()
			}
		}()
		return none, &fs.PathError{Op: op, Path: path, Err: context.Cause(ctx)}
	}
}

// path says of an error where it happened.
func (h *Host) path(k *conn, op, path string, err error) error {
	if err == nil {
		return nil
	}
	if err = k.explain(err); errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return &fs.PathError{Op: op, Path: path, Err: err}
	}
	return &fs.PathError{Op: op, Path: h.Name() + ":" + path, Err: err}
}

func stat(c *sftp.Client, path string) (host.Entry, error) {
	info, err := c.Lstat(path)
	if err != nil {
		return host.Entry{}, err
	}
	e := entry(path, info)
	if e.Mode&fs.ModeSymlink != 0 {
		if e.Link, err = c.ReadLink(path); err != nil {
			return host.Entry{}, err
		}
	}
	return e, nil
}

func entry(path string, info fs.FileInfo) host.Entry {
	e := host.Entry{Path: path, Mode: info.Mode(), Size: info.Size(), ModTime: info.ModTime()}
	if s, ok := info.Sys().(*sftp.FileStat); ok {
		e.UID, e.GID = int(s.UID), int(s.GID)
	}
	return e
}

func checkPath(path string) error {
	if !filepath.IsAbs(path) {
		return &fs.PathError{Op: "use", Path: path, Err: fmt.Errorf("%w: a path on a host is absolute", fs.ErrInvalid)}
	}
	return nil
}

// small is a file that says it is empty, as those of /proc and /sys do: it is
// read in order, and by parts that the kernel writes anew each time.
type small struct{ f *sftp.File }

func (s *small) Read(p []byte) (int, error) { return s.f.Read(p[:min(len(p), part)]) }
