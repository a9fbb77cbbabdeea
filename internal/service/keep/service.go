// Package keep keeps one service running as its unit says: start, restart with back-off, stop, adopt.
package keep

import (
	"context"
	"errors"
	"sync"
	"time"

	"keelway.dev/keelway/internal/service/process"
	"keelway.dev/keelway/internal/service/unit"
)

// Ground is what the services of one supervisor have in common.
type Ground struct {
	// Record, Log and Notify give the paths of a service's record, log and
	// sd_notify socket.
	Record, Log, Notify func(service string) string
	// MaxDelay is the longest wait before a restart. ResetAfter is how long a
	// service must have run for the next wait to be its first again.
	MaxDelay, ResetAfter time.Duration
	// Spawn starts a process; the notes say what of the spec was not given.
	Spawn func(process.Spec) (p *process.Process, notes []string, err error)
	// Logf tells what happens to services.
	Logf func(format string, args ...any)
}

// The states, in systemd's words.
const (
	Active       = "active"
	Activating   = "activating"
	Deactivating = "deactivating"
	Inactive     = "inactive"
	Failed       = "failed"
)

// Status is what is known of a service's processes.
type Status struct {
	Running  bool
	State    string
	PID      int
	Since    time.Time
	Restarts int
	// Exit says how the last process ended, or why there was none.
	Exit string
	// Notes say what of the unit is not applied, and why.
	Notes []string
}

// Service is one service, running or not. Make one with New.
type Service struct {
	g    *Ground
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

// New returns a service that does not run.
func New(g *Ground, name string) *Service {
	return &Service{g: g, name: name, turn: make(chan struct{}, 1), state: Inactive}
}

// Name is the service's, without ".service".
func (s *Service) Name() string { return s.name }

// Start has first do what must precede a start (nobody else starts or stops the
// service meanwhile), makes it run as its unit says, and returns when it does,
// or when a try has failed that nothing but a start began. One that runs is left alone.
func (s *Service) Start(ctx context.Context, u unit.Unit, first func() error) error {
	for {
		if err := s.lock(ctx); err != nil {
			return err
		}
		if err := first(); err != nil {
			s.unlock()
			return err
		}
		a := s.launch(u, nil)
		s.unlock()
		// A restart that was under way may have failed by what the caller has
		// mended since: it says nothing of this start.
		if err := a.wait(ctx); err == nil || !a.backoff || ctx.Err() != nil || errors.Is(err, errStopped) {
			return err
		}
	}
}

// Restart is Stop and Start, with nobody in between.
func (s *Service) Restart(ctx context.Context, u unit.Unit, first func() error) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	err := first()
	if err == nil {
		// A client that goes away in between must not leave it stopped.
		err = s.halt(context.WithoutCancel(ctx))
	}
	if err != nil {
		s.unlock()
		return err
	}
	a := s.launch(u, nil)
	s.unlock()
	return a.wait(ctx)
}

// Stop has first do what must precede a stop and ends the service. It works on
// one that does not run, too.
func (s *Service) Stop(ctx context.Context, first func() error) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	if err := first(); err != nil {
		return err
	}
	return s.halt(ctx)
}

// Wanted tells whether the service runs or is to run.
func (s *Service) Wanted() bool {
	_, ok := s.Unit()
	return ok
}

// Unit is what the service runs from, false when it is not to run.
func (s *Service) Unit() (unit.Unit, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keeper == nil {
		return unit.Unit{}, false
	}
	return s.keeper.unit, true
}

// Fail says why the service cannot even be tried.
func (s *Service) Fail(err error) {
	s.set(func() { s.state, s.exit = Failed, err.Error() })
}

// Status describes the service.
func (s *Service) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{State: s.state, Restarts: s.restarts, Exit: s.exit, Notes: s.notes}
	if s.proc != nil {
		st.Running, st.PID, st.Since = true, s.proc.ID.PID, s.since
	}
	return st
}
