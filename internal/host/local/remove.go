package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"keelway.dev/keelway/internal/host"
)

// Remove deletes path and what is below it, and what an interrupted Put of path
// left. It refuses, before anything is deleted, when something is mounted at or
// below path.
func (h *Host) Remove(ctx context.Context, path string) error {
	if err := checkPath(path); err != nil {
		return err
	}
	path = filepath.Clean(path)
	if path == "/" {
		return fmt.Errorf("remove /: refused, it is the whole machine")
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	real := filepath.Join(parent, filepath.Base(path))
	below, err := mountsBelow(real)
	if err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	if len(below) > 0 {
		return fmt.Errorf("remove %s: refused, %s is mounted there and would lose its content; unmount it first (umount %s)", path, below[0], below[0])
	}
	dir, err := unix.Open(parent, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	defer unix.Close(dir)
	var there unix.Stat_t
	if err := unix.Fstat(dir, &there); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	for _, name := range []string{filepath.Base(path), filepath.Base(host.TempPath(path))} {
		if err := removeAt(ctx, dir, name, there.Dev, path); err != nil {
			return fmt.Errorf("remove %s: %w", path, err)
		}
	}
	return nil
}

// removeAt deletes name in the open directory dir. Working from open
// directories means that nobody can swap a folder for a link under its hands.
func removeAt(ctx context.Context, dir int, name string, dev uint64, shown string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// One call does for most entries, and a directory answers EISDIR.
	err := unix.Unlinkat(dir, name, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) {
		return &fs.PathError{Op: "unlink", Path: shown, Err: err}
	}
	fd, openErr := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if openErr != nil {
		// Not a directory: the unlink's own error is the one that matters.
		return &fs.PathError{Op: "unlink", Path: shown, Err: err}
	}
	d := os.NewFile(uintptr(fd), shown)
	defer d.Close()
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return &fs.PathError{Op: "stat", Path: shown, Err: err}
	}
	if s.Dev != dev {
		return fmt.Errorf("%s is on another file system (a mount, or a btrfs subvolume); unmount or delete it first", shown)
	}
	for {
		names, err := d.Readdirnames(512)
		for _, n := range names {
			if err := removeAt(ctx, fd, n, dev, filepath.Join(shown, n)); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		// Deleting moves what is left: start over for the next names.
		if _, err := d.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	if err := unix.Unlinkat(dir, name, unix.AT_REMOVEDIR); err != nil && !errors.Is(err, unix.ENOENT) {
		return &fs.PathError{Op: "rmdir", Path: shown, Err: err}
	}
	return nil
}
