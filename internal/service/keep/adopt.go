package keep

import (
	"context"
	"errors"

	"keelway.dev/keelway/internal/service/process"
	"keelway.dev/keelway/internal/service/unit"
)

// Adopt follows the process of a record that an earlier supervisor left, if it
// is still there, and tells whether it is. One that is not enabled was being
// stopped: it goes on until somebody says so again, but does not come back.
func (s *Service) Adopt(r Record, enabled bool) bool {
	if r.ID.PID == 0 {
		// The supervisor was killed before it could note the number.
		if id, ok := process.Find(r.ID.Invocation); ok {
			r.ID = id
		}
	}
	p, err := process.Adopt(r.ID)
	if err != nil {
		if !errors.Is(err, process.ErrGone) {
			s.g.Logf("%s: %v", s.name, err)
		}
		s.bury(r)
		return false
	}
	u := r.Unit
	if !enabled {
		u.Restart = unit.RestartNo
	}
	s.set(func() { s.since, s.restarts, s.notes, s.exit = r.Since, r.Restarts, r.Notes, r.Exit })
	if err := r.write(s.g.Record(s.name)); err != nil {
		s.g.Logf("%s: %v", s.name, err)
	}
	s.launch(u, p)
	s.g.Logf("%s: process %d is taken over", s.name, p.ID.PID)
	return true
}

// bury ends what a service left that ended while nobody looked. It has the turn
// until that is gone: the service must not start before.
func (s *Service) bury(r Record) {
	s.set(func() { s.exit = "it ended while no supervisor ran" })
	s.turn <- struct{}{}
	go func() {
		defer s.unlock()
		newKeeper(s, r.Unit).sweep(r.Unit, process.Ended(r.ID), r.Unit.StopTimeout)
		s.forget()
	}()
}

// Resume starts a service that is enabled, unless it is not any more when its
// turn comes.
func (s *Service) Resume(ctx context.Context, u unit.Unit, enabled func() bool) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	if !enabled() {
		s.unlock()
		return nil
	}
	a := s.launch(u, nil)
	s.unlock()
	return a.wait(ctx)
}
