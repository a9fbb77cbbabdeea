package fleet

import (
	"context"
	"errors"
	"sync"

	"keelway.dev/keelway/internal/desired"
)

// turn is what is done on the machines in one round.
type turn struct {
	f        *Fleet
	changing map[string]bool
	mu       sync.Mutex
	result   *Result
	// places bounds how many machines are worked on side by side.
	places chan struct{}
	side   sync.WaitGroup
}

// beside brings a machine to what want says of it, beside what else is done.
func (t *turn) beside(ctx context.Context, n *node, want desired.Host) {
	t.side.Go(func() { _ = t.inPlace(ctx, n, want) })
}

// inPlace brings a machine to what want says of it, when there is a place for it.
func (t *turn) inPlace(ctx context.Context, n *node, want desired.Host) error {
	select {
	case t.places <- struct{}{}:
		defer func() { <-t.places }()
		return t.run(ctx, n, want)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// wait waits for all that is done beside.
func (t *turn) wait() { t.side.Wait() }

// run brings a machine to what want says of it. An error is written down too.
func (t *turn) run(ctx context.Context, n *node, want desired.Host) error {
	steps := 0
	var err error
	if t.changing[n.name()] {
		err = t.f.begin(ctx, n)
	}
	if err == nil {
		steps, err = n.machine.Converge(ctx, n.model, want, n.kit)
	}
	if err == nil && len(want.Resources) == len(n.want.Resources) {
		err = t.f.end(ctx, n)
	}
	t.mu.Lock()
	t.result.Steps += steps
	t.mu.Unlock()
	if err != nil && errors.Is(context.Cause(ctx), errBeside) {
		return errBeside // which is told of where it happened
	}
	return t.fail(n, err)
}

// fail writes down why a machine is not what it is to be; nil says nothing.
func (t *turn) fail(n *node, err error) error {
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.result.Failed[n.name()] = err
	}
	return err
}

// failed tells whether a machine has failed.
func (t *turn) failed(n *node) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.result.Failed[n.name()] != nil
}
