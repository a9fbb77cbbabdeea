package keep

import (
	"context"
	"fmt"
	"sync"

	"keelway.dev/keelway/internal/service/process"
	"keelway.dev/keelway/internal/service/unit"
)

// attempt is one try to start; done is closed when its result is known.
type attempt struct {
	done chan struct{}
	once sync.Once
	err  error
	// backoff is set when nobody asked for it: a back-off had ended.
	backoff bool
}

func newAttempt() *attempt { return &attempt{done: make(chan struct{})} }

// finish sets the result; only the first call counts.
func (a *attempt) finish(err error) {
	a.once.Do(func() {
		a.err = err
		close(a.done)
	})
}

func (a *attempt) wait(ctx context.Context) error {
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Service) lock(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Service) unlock() { <-s.turn }

// launch needs the turn. With a process it takes that over instead of starting one.
func (s *Service) launch(u unit.Unit, adopted *process.Process) *attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.keeper != nil {
		if a := s.keeper.again(u); a != nil {
			return a
		}
		// It has given up and is about to go.
		gone := s.keeper.gone
		s.mu.Unlock()
		<-gone
		s.mu.Lock()
	}
	if adopted == nil {
		s.restarts = 0
	}
	s.keeper = newKeeper(s, u)
	go s.keeper.run(u, adopted)
	return s.keeper.current
}

// halt needs the turn.
func (s *Service) halt(ctx context.Context) error {
	s.mu.Lock()
	k := s.keeper
	if k == nil && s.state == Failed {
		s.state = Inactive
	}
	s.mu.Unlock()
	if k == nil {
		return nil
	}
	k.cancel()
	select {
	case <-k.gone:
	case <-ctx.Done():
		return fmt.Errorf("stop %s: %w", s.name, ctx.Err())
	}
	if k.left != nil {
		return fmt.Errorf("stop %s: %w", s.name, k.left)
	}
	return nil
}

func (s *Service) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}
