package ssh

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pkg/sftp"

	"keelway.dev/keelway/internal/host"
)

// HardLink gives the regular file from the name to as well, in place of what
// stands there.
func (h *Host) HardLink(ctx context.Context, from, to string) error {
	mark, sum := h.known(ctx, from)
	err := h.replace(ctx, "link", to, func(c *sftp.Client, temp string) error {
		if c.Link(from, temp) == nil {
			return nil
		}
		// SFTP does not say why: ln does, and replaces what a killed run left.
		err := h.must(ctx, "ln", "-fT", "--", from, temp)
		if err != nil && strings.Contains(err.Error(), "Invalid cross-device link") {
			return fmt.Errorf("to %s: %w", from, host.ErrOtherFileSystem)
		}
		return err
	})
	if err == nil {
		h.rememberAs(ctx, to, mark, sum)
	}
	return err
}

// Copy makes the entry a copy of the regular file from, in place of what stands
// there, on the machine itself.
func (h *Host) Copy(ctx context.Context, from string, e host.Entry) error {
	mark, sum := h.known(ctx, from)
	err := h.replace(ctx, "copy", e.Path, func(c *sftp.Client, temp string) error {
		// What a killed run left may be a link to the very file that is copied.
		if err := h.must(ctx, "cp", "--remove-destination", "--reflink=auto", "-T", "--", from, temp); err != nil {
			return err
		}
		return keep(c, temp, e)
	})
	if err == nil && sum != "" {
		size, _ := strconv.ParseInt(strings.Fields(mark)[1], 10, 64)
		h.remember(ctx, e.Path, size, sum)
	}
	return err
}

// replace puts in a path's place what write makes of a temporary one beside it.
func (h *Host) replace(ctx context.Context, verb, to string, write func(c *sftp.Client, temp string) error) error {
	if err := checkPath(to); err != nil {
		return err
	}
	k, c, err := h.sftp(ctx, forWriting)
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, to, err)
	}
	if err := h.makeParents(c, filepath.Dir(to)); err != nil {
		return h.path(k, verb, to, fmt.Errorf("make its folder: %w", err))
	}
	temp := host.TempPath(to)
	done, err := h.writers.enter(ctx, temp)
	if err != nil {
		return err
	}
	defer done()
	if err = write(c, temp); err == nil {
		err = c.PosixRename(temp, to)
	}
	// A rename between two names of one file does nothing and leaves both.
	_ = c.Remove(temp)
	return h.path(k, verb, to, err)
}

// keep gives a file that is to take its place the owner and mode, and has it on
// the disk.
func keep(c *sftp.Client, temp string, e host.Entry) error {
	f, err := c.OpenFile(temp, os.O_WRONLY)
	if err != nil {
		return err
	}
	if err = own(f, e); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
