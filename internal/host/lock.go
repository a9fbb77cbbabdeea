package host

import (
	"context"
	"errors"
)

// Locker is a Host on which a lock can be held.
type Locker interface {
	// Lock takes the lock at path and writes into it who holds it. It is
	// released by the returned function, and when the process that holds it
	// ends or loses its connection, however that happens. When another process
	// holds it the error matches ErrLocked and holder says which.
	Lock(ctx context.Context, path string) (release func(), holder string, err error)
}

// ErrLocked means that another process holds the lock.
var ErrLocked = errors.New("locked")
