package host

import (
	"context"
	"time"
)

// Hasher is a Host that reckons files' SHA-256, in hexadecimal, where the files
// are, so that their bytes need not travel.
type Hasher interface {
	// SHA256s leaves out what is not there. A file that has not changed since is
	// not read again.
	SHA256s(ctx context.Context, paths []string) (map[string]string, error)
}

// Dater is a Host whose Stat and List tell times in whole seconds, and that can
// be asked for the exact ones. Files that are not there are left out.
type Dater interface {
	Modified(ctx context.Context, paths []string) (map[string]time.Time, error)
}

// Gauge is a Host that tells, without running a command, how much of the file
// system at a path is free, in percent.
type Gauge interface {
	FreePercent(ctx context.Context, path string) (float64, error)
}
