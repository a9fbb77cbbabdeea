package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/service/supervisor"
)

// Detect returns the manager in charge of the host: systemd when it runs there
// (being installed is not enough: containers and small machines have its
// programs without it), else the built-in supervisor with the options given.
func Detect(ctx context.Context, h host.Host, o supervisor.Options) (Manager, error) {
	runs, err := systemdRuns(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("find out which init system runs on %s: %w", h.Name(), err)
	}
	if runs {
		return NewSystemd(h), nil
	}
	return NewSupervisor(h, o), nil
}

// systemdRuns asks what sd_booted(3) asks, and who process 1 is: the folder can
// be left over in an image, and a chroot shows the one of its host.
func systemdRuns(ctx context.Context, h host.Host) (bool, error) {
	e, err := h.Stat(ctx, "/run/systemd/system")
	if errors.Is(err, fs.ErrNotExist) || err == nil && !e.Mode.IsDir() {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	comm, err := readFile(ctx, h, "/proc/1/comm")
	if err != nil {
		return false, err
	}
	return strings.TrimSpace(string(comm)) == "systemd", nil
}

func readFile(ctx context.Context, h host.Host, path string) ([]byte, error) {
	r, err := h.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
