package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"keelway.dev/keelway/internal/host"
)

// HardLink gives the regular file from the name to as well, in place of what
// stands there.
func (h *Host) HardLink(_ context.Context, from, to string) error {
	if err := checkPath(to); err != nil {
		return err
	}
	if err := h.makeParents(filepath.Dir(to)); err != nil {
		return fmt.Errorf("link %s: make its folder: %w", to, err)
	}
	temp := host.TempPath(to)
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("link %s: %w", to, err)
	}
	err := os.Link(from, temp)
	if errors.Is(err, syscall.EXDEV) {
		return fmt.Errorf("link %s to %s: %w", to, from, host.ErrOtherFileSystem)
	}
	if err == nil {
		err = os.Rename(temp, to)
	}
	// A rename between two names of one file does nothing and leaves both.
	_ = os.Remove(temp)
	if err != nil {
		return fmt.Errorf("link %s to %s: %w", to, from, err)
	}
	return nil
}
