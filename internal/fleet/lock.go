package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"

	"keelway.dev/keelway/internal/kube/lease"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/report"
)

// lock keeps another operator away from every machine that can be reached.
func (f *Fleet) lock(ctx context.Context) (release func(), err error) {
	releases := make([]func(), len(f.nodes))
	release = func() {
		var wg sync.WaitGroup
		for _, r := range releases {
			if r != nil {
				wg.Go(r)
			}
		}
		wg.Wait()
	}
	take := func(i int) error {
		if f.nodes[i].lost != nil {
			return nil //nolint:nilerr // the plan says what follows
		}
		var err error
		if releases[i], err = operation.Lock(ctx, f.nodes[i].machine); err != nil {
			return fmt.Errorf("%s: %w", f.nodes[i].name(), err)
		}
		return nil
	}
	// By the first machine, one of two operators gets all.
	if err := take(0); err != nil {
		return nil, err
	}
	g := new(errgroup.Group) // one that fails ends no other: each lock taken must be known
	g.SetLimit(f.limit())
	for i := 1; i < len(f.nodes); i++ {
		g.Go(func() error { return take(i) })
	}
	if err := g.Wait(); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// hold keeps another operator away from the cluster that serves, whatever
// machines his file names: until release is called, or held ends because he has
// taken it over. A cluster that cannot keep a Lease, because it takes no writes,
// is what an apply may have to mend: then the machines' own locks have to do.
func (f *Fleet) hold(ctx context.Context) (held context.Context, release func(), err error) {
	admin := f.admin()
	step := report.Event{Time: f.Now(), Kind: report.Note}
	l := lease.Lock{
		Who: f.Who, Now: f.Now,
		Client: func(ctx context.Context) (kubernetes.Interface, error) {
			c, err := admin.Client(ctx)
			if err != nil {
				return nil, err
			}
			return c.Typed, nil
		},
		Waiting: func(words string) {
			step.What = words
			f.Events.Emit(step)
		},
	}
	held, release, err = l.Take(ctx)
	var other *lease.HeldError
	if err == nil || errors.As(err, &other) || ctx.Err() != nil {
		return held, release, err
	}
	f.Events.Emit(report.Event{Time: f.Now(), Kind: report.Warning, What: "only the machines' own locks keep other operators away: " + err.Error()})
	return ctx, func() {}, nil
}
