package supervisor

import (
	"context"
	"fmt"
	"sync"
	"time"

	"keelway.dev/keelway/internal/service/process"
	"keelway.dev/keelway/internal/service/unit"
)

// The states, in systemd's words.
const (
	active       = "active"
	activating   = "activating"
	deactivating = "deactivating"
	inactive     = "inactive"
	failed       = "failed"
)

// service is one service that the supervisor has had to do with.
type service struct {
	d    *daemon
	name string

	// turn is held by whoever starts or stops the service.
	turn chan struct{}

	mu sync.Mutex // guards what follows, and the keeper's own fields
	// keeper is nil while nobody wants the service to run.
	keeper   *keeper
	state    string
	proc     *process.Process
	since    time.Time
	restarts int
	exit     string
	notes    []string
}

// attempt is one try to start; done is closed when its result is known.
type attempt struct {
	done chan struct{}
	once sync.Once
	err  error
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

func newService(d *daemon, name string) *service {
	return &service{d: d, name: name, turn: make(chan struct{}, 1), state: inactive}
}

func (s *service) lock(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *service) unlock() { <-s.turn }

// start enables the service, makes it run as its unit says, and returns when it
// does, or when the first try has failed. One that runs is left alone.
func (s *service) start(ctx context.Context, u unit.Unit) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	// The link comes first: should all of us be killed between the two, the
	// next supervisor does what was asked for.
	if err := s.d.o.enable(u); err != nil {
		s.unlock()
		return err
	}
	a := s.launch(u, nil, 0)
	s.unlock()
	return a.wait(ctx)
}

// restart is halt and start, with nobody in between.
func (s *service) restart(ctx context.Context, u unit.Unit) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	err := s.d.o.enable(u)
	if err == nil {
		// A client that goes away in between must not leave it stopped.
		err = s.halt(context.WithoutCancel(ctx))
	}
	if err != nil {
		s.unlock()
		return err
	}
	a := s.launch(u, nil, 0)
	s.unlock()
	return a.wait(ctx)
}

// stop ends the service and disables it. It works on one that does not run, too.
func (s *service) stop(ctx context.Context, disable bool) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	if disable {
		if err := s.d.o.disable(s.name); err != nil {
			return err
		}
	}
	return s.halt(ctx)
}

// launch needs the turn. With a process it takes that over instead of starting one.
func (s *service) launch(u unit.Unit, adopted *process.Process, restarts int) *attempt {
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
	s.restarts = restarts
	s.keeper = newKeeper(s, u)
	go s.keeper.run(u, adopted)
	return s.keeper.current
}

// halt needs the turn.
func (s *service) halt(ctx context.Context) error {
	s.mu.Lock()
	k := s.keeper
	if k == nil && s.state == failed {
		s.state = inactive
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

func (s *service) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *service) wanted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keeper != nil
}

func (s *service) status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{Known: true, State: s.state, Restarts: s.restarts, Exit: s.exit, Notes: s.notes}
	if s.proc != nil {
		st.Running, st.PID, st.Since = true, s.proc.ID.PID, s.since
	}
	return st
}
