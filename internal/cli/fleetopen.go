package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/fleet"
	"keelway.dev/keelway/internal/report"
)

// open reads the file and reaches its machines, until end is called.
func (s streams) open(ctx context.Context, o *fleetFlags, events report.Sink) (f *fleet.Fleet, end func(), err error) {
	l, err := s.readCluster(o.file)
	if err != nil {
		return nil, nil, err
	}
	if o.log != nil {
		o.log.begin(l.Cluster.Metadata.Name)
	}
	patches, err := s.resolve(l)
	if err != nil {
		return nil, nil, err
	}
	c, err := newConnector(l.Cluster.Spec.Hosts)
	if err != nil {
		return nil, nil, err
	}
	options := fleet.Options{
		File: l.Cluster, Connect: c.connect, Who: who(), Self: s.self, Events: events, Now: time.Now, Built: builtAt(),
		Concurrency: o.concurrency, IgnorePreflight: o.ignore, Patcher: patches, Addons: l.Addons,
	}
	if !o.bare {
		if o.bundle == "" {
			o.bundle = l.Cluster.Spec.Bundle
		}
		options.OpenBundle = s.openBundle(o.bundle)
	}
	if f, err = fleet.Open(ctx, options); err != nil {
		c.Close()
		return nil, nil, err
	}
	return f, c.Close, nil
}

// who is what another operator is told of this one: only the command's name,
// for its arguments may hold a token.
func who() string {
	machine, err := os.Hostname()
	if err != nil {
		machine = "unknown machine"
	}
	command := filepath.Base(os.Args[0])
	if len(os.Args) > 1 {
		command += " " + os.Args[1]
	}
	return fmt.Sprintf("process %d on %s: %s", os.Getpid(), machine, command)
}

// openBundle opens the bundle that was named, or the one for a version.
func (s streams) openBundle(named string) func(context.Context, string) (*bundle.Bundle, error) {
	return func(ctx context.Context, kubernetes string) (*bundle.Bundle, error) {
		path, err := findBundle(named, s.self, kubernetes)
		if err != nil {
			return nil, err
		}
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, err
		}
		return bundle.Open(ctx, path, filepath.Join(cache, "keelway", "bundle"))
	}
}
