package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"keelway.dev/keelway/internal/host"
)

// chunk is how much is copied between two looks at the context.
const chunk = 16 << 20

// Put makes the entry what it says. A file and a link take their place by
// rename; a directory that exists gets the mode and owner.
func (h *Host) Put(ctx context.Context, e host.Entry, content io.Reader) error {
	if err := checkPath(e.Path); err != nil {
		return err
	}
	if err := host.CheckPut(e); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	e.Path = filepath.Clean(e.Path)
	if err := h.makeParents(filepath.Dir(e.Path)); err != nil {
		return fmt.Errorf("put %s: make its folder: %w", e.Path, err)
	}
	old, err := os.Lstat(e.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("put %s: %w", e.Path, err)
	}
	if err == nil && old.IsDir() != e.Mode.IsDir() {
		return fmt.Errorf("put %s: a %s stands where a %s must be; move it away first",
			e.Path, host.TypeName(old.Mode()), host.TypeName(e.Mode))
	}
	switch e.Mode.Type() {
	case fs.ModeDir:
		h.folders.Lock()
		err = putDir(e)
		h.folders.Unlock()
	case fs.ModeSymlink:
		err = putLink(e)
	default:
		err = putFile(ctx, e, content)
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", e.Path, err)
	}
	return nil
}

func putLink(e host.Entry) error {
	temp := host.TempPath(e.Path)
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(e.Link, temp); err != nil {
		return err
	}
	err := lchown(temp, e)
	if err == nil {
		err = os.Rename(temp, e.Path)
	}
	if err != nil {
		os.Remove(temp)
	}
	return err
}

func putFile(ctx context.Context, e host.Entry, content io.Reader) error {
	f, err := openTemp(ctx, host.TempPath(e.Path))
	if err != nil {
		return err
	}
	// Closing lets go of the lock, so it comes after the rename.
	defer f.Close()
	err = fill(ctx, f, content)
	if err == nil {
		err = own(f, e)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(f.Name(), e.Path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// openTemp opens the one temporary file of a path and locks it, so that two
// writers of the same path take turns. What a killed writer left is emptied.
func openTemp(ctx context.Context, temp string) (*os.File, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		fd, err := unix.Open(temp, unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o600)
		if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.EISDIR) || errors.Is(err, syscall.ENXIO) {
			// A link, directory or socket under our own name: what a killed
			// putLink left, or a trap. An unlink harms neither.
			if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: temp, Err: err}
		}
		f := os.NewFile(uintptr(fd), temp)
		if err := unix.Flock(fd, unix.LOCK_EX); err != nil {
			f.Close()
			return nil, &fs.PathError{Op: "lock", Path: temp, Err: err}
		}
		// The other writer may have renamed or removed it while we waited.
		ours, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, err
		}
		there, err := os.Lstat(temp)
		if err != nil || !os.SameFile(ours, there) {
			f.Close()
			continue
		}
		if s := ours.Sys().(*syscall.Stat_t); !ours.Mode().IsRegular() || s.Nlink != 1 || int(s.Uid) != os.Geteuid() {
			// Left by a writer killed after it set the owner, or somebody
			// else's: writing into it could change what is not ours.
			os.Remove(temp)
			f.Close()
			continue
		}
		if err := f.Truncate(0); err != nil {
			f.Close()
			return nil, err
		}
		return f, nil
	}
}

// fill copies by chunks, so that a cancelled context ends it. A source that is
// a file is copied inside the kernel (copy_file_range).
func fill(ctx context.Context, f *os.File, content io.Reader) error {
	if content == nil {
		return nil
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, err := io.CopyN(f, content, chunk)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// own sets owner before mode: changing the owner clears bits, and a file must
// never be readable by more people than its entry says.
func own(f *os.File, e host.Entry) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if s := info.Sys().(*syscall.Stat_t); int(s.Uid) != e.UID || int(s.Gid) != e.GID {
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

func lchown(path string, e host.Entry) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if s := info.Sys().(*syscall.Stat_t); int(s.Uid) == e.UID && int(s.Gid) == e.GID {
		return nil
	}
	return os.Lchown(path, e.UID, e.GID)
}
