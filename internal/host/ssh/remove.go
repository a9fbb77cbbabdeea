package ssh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/pkg/sftp"

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
		return errors.New("remove /: refused, it is the whole machine")
	}
	k, c, err := h.sftp(ctx, forWriting)
	if err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	parent, err := c.RealPath(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return h.path(k, "remove", path, err)
	}
	for _, name := range []string{filepath.Base(path), filepath.Base(host.TempPath(path))} {
		if err := h.remove(ctx, c, filepath.Join(parent, name)); err != nil {
			return h.path(k, "remove", path, err)
		}
	}
	return nil
}

// remove deletes an entry whose folder has no links in its path. The kernel
// itself refuses to unlink a mount point, and a tree is deleted by rm, which
// works from open directories and stays on one file system.
func (h *Host) remove(ctx context.Context, c *sftp.Client, real string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	info, err := c.Lstat(real)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err = c.Remove(real); err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	table, openErr := c.Open("/proc/self/mountinfo")
	if openErr != nil {
		return fmt.Errorf("find out what is mounted: %w", openErr)
	}
	defer table.Close()
	below, tableErr := host.MountsBelow(&small{table}, real)
	switch {
	case tableErr != nil:
		return tableErr
	case len(below) > 0:
		return fmt.Errorf("refused, %s is mounted there and would lose its content; unmount it first (umount %s)", below[0], below[0])
	case !info.IsDir():
		return err
	}
	return h.must(ctx, "rm", "-rf", "--one-file-system", "--", real)
}
