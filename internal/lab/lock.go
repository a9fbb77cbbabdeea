package lab

import (
	"context"
	"errors"
	"time"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/local"
)

// lockPath is held while labs are made, changed or removed.
const lockPath = "/run/keelway-lab.lock"

// alone waits until no other keelway changes labs, and keeps others waiting
// until release is called.
func alone(ctx context.Context, waiting func(holder string)) (release func(), err error) {
	here, err := local.New("here")
	if err != nil {
		return nil, err
	}
	told := false
	for {
		release, holder, err := here.Lock(ctx, lockPath)
		if !errors.Is(err, host.ErrLocked) {
			return release, err
		}
		if !told {
			waiting(holder)
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// change does what changes a lab that is there, alone, and with its record as it
// is by then.
func (l *Lab) change(ctx context.Context, do func() error) error {
	release, err := alone(ctx, func(string) {})
	if err != nil {
		return err
	}
	defer release()
	now, err := Open(l.Name)
	if err != nil {
		return err
	}
	*l = *now
	return do()
}
