package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"keelway.dev/keelway/internal/operation"
)

// Destroy removes from every machine what Keelway made there, side by side, and
// returns how many steps it took. A machine that cannot be reached is told of.
func (f *Fleet) Destroy(ctx context.Context) (int, error) {
	release, err := f.lock(ctx)
	if err != nil {
		return 0, err
	}
	defer release()
	if f.parts(); f.seed != nil {
		_, give, err := f.hold(ctx)
		if err != nil {
			return 0, err
		}
		defer give()
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	places := make(chan struct{}, f.limit())
	total := 0
	var errs []error
	for _, n := range slices.Backward(f.nodes) {
		if n.lost != nil {
			errs = append(errs, fmt.Errorf("%s is as it was: %w", n.name(), n.lost))
			continue
		}
		wg.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			steps, err := operation.Down(ctx, n.machine, operation.DownOptions{})
			mu.Lock()
			defer mu.Unlock()
			total += steps
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", n.name(), err))
			}
		})
	}
	wg.Wait()
	return total, errors.Join(errs...)
}
