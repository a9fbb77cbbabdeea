package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// ErrRunning is returned when another supervisor holds the lock.
var ErrRunning = errors.New("another supervisor is running")

// takeLock makes this the only supervisor of the run folder until the file is
// closed, which the kernel also does when the process dies.
func (o Options) takeLock() (*os.File, error) {
	for {
		if err := os.MkdirAll(o.RunDir, 0o755); err != nil {
			return nil, fmt.Errorf("make the run folder: %w", err)
		}
		f, err := os.OpenFile(o.lock(), os.O_RDWR|os.O_CREATE, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			continue // one that ended has just taken the folder away
		}
		if err != nil {
			return nil, fmt.Errorf("open the supervisor's lock: %w", err)
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", o.lock(), ErrRunning)
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", o.lock(), err)
		}
		// One that ended may have deleted the file between open and lock.
		ours, err1 := f.Stat()
		there, err2 := os.Stat(o.lock())
		if err1 == nil && err2 == nil && os.SameFile(ours, there) {
			return f, nil
		}
		f.Close()
	}
}
