package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Start boots hosts that were stopped; no name means every host.
func (l *Lab) Start(ctx context.Context, self string, names ...string) error {
	return l.change(ctx, func() error { return l.startAll(ctx, self, names) })
}

func (l *Lab) startAll(ctx context.Context, self string, names []string) error {
	if err := l.makeBridge(); err != nil {
		return err
	}
	var record sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	err := l.each(names, func(i int) error {
		if !l.Hosts[i].Running() {
			g.Go(func() error { return l.start(ctx, i, self, &record, func(string) {}) })
		}
		return nil
	})
	return errors.Join(err, g.Wait())
}

// Stop ends hosts; no name means every host. With cut they end as in a power cut.
func (l *Lab) Stop(ctx context.Context, cut bool, names ...string) error {
	return l.change(ctx, func() error { return l.stopAll(ctx, cut, names) })
}

func (l *Lab) stopAll(ctx context.Context, cut bool, names []string) error {
	var g errgroup.Group
	err := l.each(names, func(i int) error {
		g.Go(func() error { return l.halt(ctx, &l.Hosts[i], !cut) })
		return nil
	})
	return errors.Join(err, g.Wait(), l.save())
}

// each calls do with the index of each named host, or of every host.
func (l *Lab) each(names []string, do func(i int) error) error {
	for _, n := range names {
		if _, err := l.Host(n); err != nil {
			return err
		}
	}
	for i, h := range l.Hosts {
		wanted := len(names) == 0
		for _, n := range names {
			wanted = wanted || n == h.Name
		}
		if wanted {
			if err := do(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// Delete ends every host of the lab and removes what was made: processes,
// mounts, cgroups, links, a partition and files. The image stays in the cache.
func (l *Lab) Delete(ctx context.Context) error {
	return l.change(ctx, func() error { return l.deleteAll(ctx) })
}

func (l *Lab) deleteAll(ctx context.Context) error {
	if err := l.stopAll(ctx, true, nil); err != nil {
		return err
	}
	for _, h := range l.Hosts {
		for mounted(l.rootOf(h)) {
			if err := unix.Unmount(l.rootOf(h), 0); err != nil {
				return fmt.Errorf("cannot unmount the root of %s: %w", h.Name, err)
			}
		}
	}
	if err := errors.Join(l.Heal(), l.removeBridge()); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(l.dir(), "hosts")); err != nil {
		return err
	}
	if err := os.RemoveAll(l.dir()); err != nil {
		return err
	}
	_ = os.Remove(Root) // stays while another lab is in it
	return nil
}
