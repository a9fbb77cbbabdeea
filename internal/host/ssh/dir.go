package ssh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/pkg/sftp"

	"keelway.dev/keelway/internal/host"
)

// makeParents makes the folders that are missing, with mode 0755. Steps that
// run side by side need the same parents, so one at a time makes them.
func (h *Host) makeParents(c *sftp.Client, dir string) error {
	h.folders.Lock()
	defer h.folders.Unlock()
	return makeAll(c, dir)
}

func makeAll(c *sftp.Client, dir string) error {
	info, err := c.Stat(dir)
	if err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s is a %s, not a directory", dir, host.TypeName(info.Mode()))
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) || dir == "/" {
		return err
	}
	if err := makeAll(c, filepath.Dir(dir)); err != nil {
		return err
	}
	return newDir(c, host.Entry{Path: dir, Mode: fs.ModeDir | 0o755})
}

func putDir(c *sftp.Client, e host.Entry) error {
	if _, err := c.Lstat(e.Path); errors.Is(err, fs.ErrNotExist) {
		return newDir(c, e)
	}
	return ownDir(c, e.Path, e)
}

// newDir makes a directory under another name, closed to others until mode and
// owner are right, and renames it: a connection that is cut in between leaves
// no directory with a mode of a moment. One that somebody else made meanwhile
// is as good.
func newDir(c *sftp.Client, e host.Entry) error {
	temp := host.TempPath(e.Path)
	if err := c.Mkdir(temp); err != nil {
		// What a killed run left, or a trap.
		if removed := c.Remove(temp); removed != nil {
			return reason(c, temp, err)
		}
		if err := c.Mkdir(temp); err != nil {
			return reason(c, temp, err)
		}
	}
	err := ownDir(c, temp, e)
	if err == nil {
		err = c.PosixRename(temp, e.Path)
	}
	if err == nil {
		return nil
	}
	_ = c.RemoveDirectory(temp) // the next one takes it away if this cannot
	if info, statErr := c.Lstat(e.Path); statErr == nil && info.IsDir() {
		return ownDir(c, e.Path, e)
	}
	return reason(c, temp, err)
}

func ownDir(c *sftp.Client, path string, e host.Entry) error {
	info, err := c.Lstat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is a %s, not a directory", path, host.TypeName(info.Mode()))
	}
	if s, ok := info.Sys().(*sftp.FileStat); ok && (int(s.UID) != e.UID || int(s.GID) != e.GID) {
		if err := c.Chown(path, e.UID, e.GID); err != nil {
			return err
		}
	}
	return c.Chmod(path, e.Mode.Perm())
}

func (h *Host) putLink(ctx context.Context, c *sftp.Client, e host.Entry) error {
	temp := host.TempPath(e.Path)
	done, err := h.writers.enter(ctx, temp)
	if err != nil {
		return err
	}
	defer done()
	if err := c.Symlink(e.Link, temp); err != nil {
		if removed := c.Remove(temp); removed != nil {
			return reason(c, temp, err)
		}
		if err := c.Symlink(e.Link, temp); err != nil {
			return reason(c, temp, err)
		}
	}
	err = h.ownLink(ctx, c, temp, e)
	if err == nil {
		err = c.PosixRename(temp, e.Path)
	}
	if err != nil {
		_ = c.Remove(temp) // the next put takes it away if this cannot
	}
	return err
}

// ownLink gives a link an owner, for which SFTP has no request.
func (h *Host) ownLink(ctx context.Context, c *sftp.Client, path string, e host.Entry) error {
	info, err := c.Lstat(path)
	if err != nil {
		return err
	}
	if s, ok := info.Sys().(*sftp.FileStat); ok && int(s.UID) == e.UID && int(s.GID) == e.GID {
		return nil
	}
	return h.must(ctx, "chown", "-h", fmt.Sprintf("%d:%d", e.UID, e.GID), path)
}

// must runs a command that has to succeed.
func (h *Host) must(ctx context.Context, argv ...string) error {
	res, err := h.Run(ctx, host.Command{Argv: argv, Env: []string{"LC_ALL=C"}})
	if err == nil && res.Code != 0 {
		err = fmt.Errorf("%s: exit status %d: %s", strings.Join(argv, " "), res.Code, strings.TrimSpace(string(res.Stderr)))
	}
	return err
}
