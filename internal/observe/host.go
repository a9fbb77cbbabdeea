// Package observe reads hosts and the cluster, and changes nothing.
package observe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/service"
)

// Observer looks at one host. It remembers the checksums of files whose size,
// times and inode have not changed, so that looking again is cheap. A host that
// tells no inodes tells too little for that.
type Observer struct {
	Host     host.Host
	Services service.Manager
	Cluster  Cluster

	mu   sync.Mutex
	sums map[string]remembered
}

type remembered struct {
	entry host.Entry
	file  observed.File
}

// Look reads everything that want names, side by side. A runtime or an API
// server that does not answer is an observation, not an error.
func (o *Observer) Look(ctx context.Context, want desired.Host) (observed.Host, error) {
	seen := observed.Host{
		Now:     time.Now(),
		Files:   map[string]observed.File{},
		Sysctls: map[string]string{},
		Objects: nil,
		Probes:  map[string]observed.Answer{},
	}
	var mu sync.Mutex
	listed := map[string][]string{}
	parent := ctx
	g, ctx := errgroup.WithContext(parent)
	g.SetLimit(8)
	for _, p := range pathsOf(want) {
		g.Go(func() error {
			f, err := o.file(ctx, p)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("cannot read %s on %s: %w", p, o.Host.Name(), err)
			}
			mu.Lock()
			defer mu.Unlock()
			seen.Files[p] = f
			return nil
		})
	}
	o.names(ctx, g, want, func(p string, names []string) {
		mu.Lock()
		defer mu.Unlock()
		listed[p] = names
	})
	for _, r := range want.Resources {
		for _, s := range r.Sysctls {
			g.Go(func() error {
				value, err := ReadSysctl(ctx, o.Host, s.Name)
				if err != nil {
					return nil // absent here: the step will say why
				}
				mu.Lock()
				defer mu.Unlock()
				seen.Sysctls[s.Name] = value
				return nil
			})
		}
		if r.Member != nil {
			g.Go(func() error {
				a := o.member(ctx, *r.Member)
				mu.Lock()
				defer mu.Unlock()
				seen.Probes[r.ID] = a
				return nil
			})
		}
		if r.Wait != nil {
			g.Go(func() error {
				a := o.Probe(ctx, *r.Wait)
				mu.Lock()
				defer mu.Unlock()
				seen.Probes[r.ID] = a
				return nil
			})
		}
	}
	g.Go(func() error {
		a, err := Applied(ctx, o.Host)
		mu.Lock()
		defer mu.Unlock()
		seen.Applied = a
		return err
	})
	g.Go(func() error {
		services, err := o.services(ctx, want)
		if err != nil {
			return fmt.Errorf("cannot ask the %s on %s about services: %w", o.Services.Kind(), o.Host.Name(), err)
		}
		mu.Lock()
		defer mu.Unlock()
		seen.Services = services
		return nil
	})
	g.Go(func() error {
		images, err := Images(ctx, o.Host)
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			seen.Images = images
		}
		return nil
	})
	g.Go(func() error {
		objects, err := o.Cluster.objects(ctx, want)
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			seen.API, seen.Objects = true, objects
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return observed.Host{}, err
	}
	for p, names := range listed {
		if f, ok := seen.Files[p]; ok {
			f.Names = names
			seen.Files[p] = f
		}
	}
	for _, r := range want.Resources {
		if r.Residue == nil {
			continue
		}
		var err error
		if seen.Idle, err = o.idle(parent, r.Residue.Targets, seen.Services); err != nil {
			return observed.Host{}, err
		}
	}
	if err := o.large(parent, seen.Files); err != nil {
		return observed.Host{}, fmt.Errorf("cannot read files on %s: %w", o.Host.Name(), err)
	}
	if err := o.date(parent, want, seen); err != nil {
		return observed.Host{}, err
	}
	return seen, nil
}

// services describes those that want names, in one call where that is possible.
func (o *Observer) services(ctx context.Context, want desired.Host) (map[string]observed.Service, error) {
	var names []string
	for _, r := range want.Resources {
		if r.Service != nil {
			names = append(names, r.Service.Name)
		}
	}
	seen := map[string]observed.Service{}
	if len(names) == 0 {
		return seen, nil
	}
	var all map[string]service.Status
	var err error
	if lister, ok := o.Services.(service.Lister); ok {
		all, err = lister.Statuses(ctx, names)
	} else {
		all = map[string]service.Status{}
		for _, name := range names {
			if all[name], err = o.Services.Status(ctx, name); err != nil {
				break
			}
		}
	}
	for name, st := range all {
		seen[name] = observed.Service{Running: st.Running, Since: st.Since}
	}
	return seen, err
}

// pathsOf lists every path that want names, with the issuers of its certificates.
func pathsOf(want desired.Host) []string {
	var paths []string
	have := map[string]bool{}
	add := func(more ...string) {
		for _, p := range more {
			if !have[p] {
				have[p] = true
				paths = append(paths, p)
			}
		}
	}
	for _, r := range want.Resources {
		add(r.Paths()...)
		if r.Certificate != nil {
			add(r.Certificate.ParentKeyPath(), r.Certificate.ParentCertPath())
		}
		if r.Kubeconfig != nil {
			add(path.Join(r.Kubeconfig.CADir, "ca.key"), path.Join(r.Kubeconfig.CADir, "ca.crt"))
		}
		if r.Service != nil {
			add(r.Service.Reads...)
		}
		for _, p := range alsoRead(r) {
			add(p)
		}
	}
	return paths
}

// alsoRead lists files that a resource is decided by and does not own.
func alsoRead(r desired.Resource) []string {
	var paths []string
	if r.Kubeconfig != nil && r.Kubeconfig.OrClientFile != "" {
		paths = append(paths, r.Kubeconfig.OrClientFile)
	}
	if r.Rotation != nil {
		paths = append(paths, r.Rotation.ClientFile)
	}
	if r.Bootstrap != nil {
		paths = append(paths, r.Bootstrap.Until...)
	}
	if r.Upload != nil {
		for _, f := range r.Upload.Files {
			paths = append(paths, f.Path)
		}
	}
	return paths
}
