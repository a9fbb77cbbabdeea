// Package build makes an offline bundle: it compiles the components from their Go modules and assembles them.
package build

import (
	"path/filepath"
	"time"

	"keelway.dev/keelway/internal/bundle"
)

// Options say what to build and where.
type Options struct {
	// Kubernetes is the version, whole or a minor; empty for the default.
	Kubernetes string
	// Source is the folder with the recipe, the lock and the Go modules.
	Source string
	// Output is the archive to write. Empty means none.
	Output string
	// Folder is where the bundle is left as a folder, ready to be opened. Empty means nowhere.
	Folder string
	// Cache keeps compiled programs, Debian packages and measured times.
	Cache string
	// Force builds even if nothing has changed since Output was written.
	// Compiled programs are still taken from the cache.
	Force bool
	// Progress is told what happens; nil for nothing.
	Progress func(Progress)
}

// absolute makes every path independent of the working directory, which the
// compilers do not share.
func (o Options) absolute() (Options, error) {
	for _, path := range []*string{&o.Source, &o.Output, &o.Folder, &o.Cache} {
		if *path == "" {
			continue
		}
		whole, err := filepath.Abs(*path)
		if err != nil {
			return Options{}, err
		}
		*path = whole
	}
	return o, nil
}

// Progress is one report while a bundle is being built.
type Progress struct {
	// Name is the component or the stage, such as "kube" or "pack"; What says in
	// words what is done there.
	Name, What string
	// Detail is the last thing that was done, such as a compiled package; it is
	// empty when the stage begins.
	Detail string
	// Finished is set with the last report of a stage, Cached when it had
	// nothing to do.
	Finished, Cached bool
	// Part of this stage and Fraction of the whole build that is done, from 0 to 1.
	Part, Fraction float64
	// Elapsed is since the build began, Remaining the estimate.
	Elapsed, Remaining time.Duration
}

// Result is what was built.
type Result struct {
	Manifest bundle.Manifest
	// Output is the archive's path, Size its length in bytes.
	Output string
	Size   int64
	// Skipped is set when the inputs had not changed and nothing was written.
	Skipped bool
}
