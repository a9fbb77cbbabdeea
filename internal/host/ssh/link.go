package ssh

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"keelway.dev/keelway/internal/host"
)

// HardLink gives the regular file from the name to as well, in place of what
// stands there.
func (h *Host) HardLink(ctx context.Context, from, to string) error {
	if err := checkPath(to); err != nil {
		return err
	}
	k, c, err := h.sftp(ctx, forWriting)
	if err != nil {
		return fmt.Errorf("link %s: %w", to, err)
	}
	if err := h.makeParents(c, filepath.Dir(to)); err != nil {
		return h.path(k, "link", to, fmt.Errorf("make its folder: %w", err))
	}
	temp := host.TempPath(to)
	done, err := h.writers.enter(ctx, temp)
	if err != nil {
		return err
	}
	defer done()
	mark, sum := h.known(ctx, from)
	err = c.Link(from, temp)
	if err != nil {
		// SFTP does not say why: ln does, and replaces what a killed run left.
		err = h.must(ctx, "ln", "-fT", "--", from, temp)
		if err != nil && strings.Contains(err.Error(), "Invalid cross-device link") {
			return fmt.Errorf("link %s to %s on %s: %w", to, from, h.Name(), host.ErrOtherFileSystem)
		}
	}
	if err == nil {
		err = c.PosixRename(temp, to)
	}
	// A rename between two names of one file does nothing and leaves both.
	_ = c.Remove(temp)
	if err != nil {
		return h.path(k, "link", to, err)
	}
	h.rememberAs(ctx, to, mark, sum)
	return nil
}
