package operation

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"keelway.dev/keelway/internal/host/local"
)

// lockPath is held while an operation changes the machine. It lies where a
// reboot clears it.
const lockPath = "/run/keelway.lock"

// BusyError says who is at work already.
type BusyError struct{ Holder string }

func (e *BusyError) Error() string {
	return fmt.Sprintf("another keelway is at work on this machine (%s): nothing was changed; wait for it to end and run this again", e.Holder)
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
func Lock(_ context.Context, m *Machine) (release func(), err error) {
	release, holder, err := local.Lock(lockPath)
	if errors.Is(err, local.ErrLocked) {
		return nil, &BusyError{Holder: holder}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot lock %s on %s: %w; keelway must run as root", lockPath, m.Host.Name(), err)
	}
	return release, nil
}
