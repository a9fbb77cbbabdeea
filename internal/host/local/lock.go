package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"keelway.dev/keelway/internal/host"
)

// Lock takes the lock at path; the kernel releases it when this process ends.
func (h *Host) Lock(_ context.Context, path string) (release func(), holder string, err error) {
	for {
		f, holder, err := tryLock(path)
		if err != nil {
			return nil, holder, err
		}
		if !stillThere(f, path) {
			f.Close() // it was removed by its last holder between open and lock
			continue
		}
		// Only the command's name: arguments may hold a token.
		text := fmt.Appendf(nil, "process %d: %s\n", os.Getpid(), strings.Join(os.Args[:min(2, len(os.Args))], " "))
		if err := f.Truncate(0); err != nil {
			f.Close()
			return nil, "", err
		}
		if _, err := f.WriteAt(text, 0); err != nil {
			f.Close()
			return nil, "", err
		}
		return func() {
			_ = os.Remove(path)
			f.Close()
		}, "", nil
	}
}

func tryLock(path string) (f *os.File, holder string, err error) {
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, "", err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, "", nil
	}
	defer f.Close()
	if !errors.Is(err, unix.EWOULDBLOCK) {
		return nil, "", fmt.Errorf("cannot lock %s: %w", path, err)
	}
	text, _ := io.ReadAll(io.LimitReader(f, 200))
	return nil, strings.TrimSpace(string(text)), host.ErrLocked
}

// stillThere is false when path no longer names the open file.
func stillThere(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(mine, named)
}
