package service

import (
	"context"
	"fmt"
	"strings"

	"keelway.dev/keelway/internal/host"
)

// NoSystemdError says that a remote host cannot be managed: the built-in
// supervisor works on the machine that keelway itself runs on.
type NoSystemdError struct {
	Host string
	// Init is what process 1 is there.
	Init string
}

func (e *NoSystemdError) Error() string {
	return fmt.Sprintf("cannot manage services on %s: systemd does not run there (process 1 is %s), and over SSH only hosts with a running systemd are managed; run keelway up on that machine itself, which has a supervisor of its own", e.Host, e.Init)
}

// DetectRemote returns the manager of a host that is not this machine: systemd,
// where it runs.
func DetectRemote(ctx context.Context, h host.Host) (Manager, error) {
	runs, err := systemdRuns(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("find out which init system runs on %s: %w", h.Name(), err)
	}
	if runs {
		return NewSystemd(h), nil
	}
	name := "unknown"
	if comm, err := readFile(ctx, h, "/proc/1/comm"); err == nil {
		name = strings.TrimSpace(string(comm))
	}
	return nil, &NoSystemdError{Host: h.Name(), Init: name}
}
