package operation

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/local"
)

// lockPath is held while an operation changes the machine. It lies where a
// reboot clears it.
const lockPath = "/run/keelway.lock"

// BusyError says who is at work already.
type BusyError struct {
	Host   string // "" is this machine
	Holder string
}

func (e *BusyError) Error() string {
	where := e.Host
	if where == "" {
		where = "this machine"
	}
	return fmt.Sprintf("another keelway is at work on %s (%s): nothing was changed; wait for it to end and run this again", where, e.Holder)
}

// ExitError carries another program's exit code through.
type ExitError struct{ Code int }

func (e *ExitError) Error() string { return fmt.Sprintf("exit status %d", e.Code) }

// PreflightError says that the machine does not fit; nothing was changed.
type PreflightError struct{ Lines []string }

func (e *PreflightError) Error() string {
	return "this machine does not fit; nothing was changed:\n" + strings.Join(e.Lines, "\n") +
		"\nan error can be turned into a warning with --ignore-preflight-errors=NAME"
}

// Lock keeps other operations off this machine until release is called.
func Lock(ctx context.Context, m *Machine) (release func(), err error) {
	locker, ok := m.Host.(host.Locker)
	if !ok {
		return nil, fmt.Errorf("cannot change %s: nothing there keeps two operations apart", m.Host.Name())
	}
	release, holder, err := locker.Lock(ctx, lockPath)
	if errors.Is(err, host.ErrLocked) {
		busy := &BusyError{Host: m.Host.Name(), Holder: holder}
		if _, here := m.Host.(*local.Host); here {
			busy.Host = ""
		}
		return nil, busy
	}
	if err != nil {
		return nil, fmt.Errorf("cannot lock %s on %s: %w; keelway must run as root", lockPath, m.Host.Name(), err)
	}
	return release, nil
}
