package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"keelway.dev/keelway/internal/host"
)

// makeParents is os.MkdirAll with mode 0755 under every umask. Steps that run
// side by side need the same parents, so one at a time makes them.
func (h *Host) makeParents(dir string) error {
	h.folders.Lock()
	defer h.folders.Unlock()
	return makeAll(dir)
}

func makeAll(dir string) error {
	info, err := os.Stat(dir)
	if err == nil {
		if !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeAll(filepath.Dir(dir)); err != nil {
		return err
	}
	return newDir(host.Entry{Path: dir, Mode: fs.ModeDir | 0o755, UID: os.Geteuid(), GID: os.Getegid()})
}

func putDir(e host.Entry) error {
	if _, err := os.Lstat(e.Path); errors.Is(err, fs.ErrNotExist) {
		return newDir(e)
	}
	return ownDir(e.Path, e)
}

// newDir makes a directory under another name, closed to others until mode and
// owner are right, and renames it: a process that is killed in between leaves
// no directory with a mode of a moment. One that somebody else made meanwhile
// is as good.
func newDir(e host.Entry) error {
	temp := host.TempPath(e.Path)
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Mkdir(temp, 0o700); err != nil {
		return err
	}
	err := ownDir(temp, e)
	if err == nil {
		err = os.Rename(temp, e.Path)
	}
	if err == nil {
		return nil
	}
	os.Remove(temp)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTEMPTY) {
		return ownDir(e.Path, e)
	}
	return err
}

func ownDir(path string, e host.Entry) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	d := os.NewFile(uintptr(fd), path)
	defer d.Close()
	return own(d, e)
}
