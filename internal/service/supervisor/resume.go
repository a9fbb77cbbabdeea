package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"keelway.dev/keelway/internal/service/process"
	"keelway.dev/keelway/internal/service/unit"
)

// resume takes over what runs and starts what is enabled and does not. It
// returns when it has decided; services that wait for others come up later.
func (d *daemon) resume() error {
	records, err := d.o.records()
	if err != nil {
		return err
	}
	names, err := d.o.enabled()
	if err != nil {
		return err
	}
	for name, r := range records {
		d.adopt(name, r, slices.Contains(names, name))
	}
	units := map[string]unit.Unit{}
	for _, name := range names {
		s := d.service(name)
		if s.wanted() {
			continue
		}
		u, err := unit.Load(d.o.UnitDirs, name)
		if err != nil {
			s.set(func() { s.state, s.exit = failed, err.Error() })
			d.logf("%s: it is enabled but cannot be started: %v", name, err)
			continue
		}
		units[name] = u
	}
	// Those without a process may start; each waits for those it comes after.
	done := map[string]chan struct{}{}
	for name := range units {
		done[name] = make(chan struct{})
	}
	for name, u := range units {
		go func() {
			defer close(done[name])
			for _, before := range order(units, name) {
				<-done[before]
			}
			s := d.service(name)
			_ = s.lock(context.Background())
			defer s.unlock()
			if !d.o.isEnabled(name) {
				return // stopped while it waited
			}
			a := s.launch(u, nil, records[name].Restarts)
			if err := a.wait(context.Background()); err != nil {
				d.logf("%s: %v", name, err)
			}
		}()
	}
	return nil
}

// adopt follows the process of a record, if it is still there.
func (d *daemon) adopt(name string, r Record, enabled bool) {
	s := d.service(name)
	if r.ID.PID == 0 {
		// The supervisor was killed before it could note the number.
		if id, ok := process.Find(r.ID.Invocation); ok {
			r.ID = id
		}
	}
	p, err := process.Adopt(r.ID)
	if err != nil {
		if !errors.Is(err, process.ErrGone) {
			d.logf("%s: %v", name, err)
		}
		// It ended while nobody looked; its children may be left, and must be
		// gone before it can start again.
		s.set(func() { s.exit = "it ended while no supervisor ran" })
		s.turn <- struct{}{}
		go func() {
			defer s.unlock()
			newKeeper(s, r.Unit).sweep(r.Unit, process.Ended(r.ID), r.Unit.StopTimeout)
			s.forget()
		}()
		return
	}
	u := r.Unit
	if !enabled {
		// It was being stopped: it may go on until somebody says so again, but
		// it does not come back.
		u.Restart = unit.RestartNo
	}
	s.set(func() { s.since, s.notes, s.exit = r.Since, r.Notes, r.Exit })
	if err := r.write(d.o.Record(name)); err != nil {
		d.logf("%s: %v", name, err)
	}
	s.launch(u, p, r.Restarts)
	d.logf("%s: process %d is taken over", name, p.ID.PID)
}

// order lists which of the units must have been started before name: those
// that it comes After=. In a circle the name that sorts first goes first.
func order(units map[string]unit.Unit, name string) []string {
	var before []string
	for _, other := range units[name].After {
		if _, known := units[other]; !known || other == name {
			continue
		}
		if reaches(units, other, name, map[string]bool{}) && name < other {
			continue
		}
		before = append(before, other)
	}
	return before
}

// reaches tells whether from comes after to, directly or through others.
func reaches(units map[string]unit.Unit, from, to string, seen map[string]bool) bool {
	if seen[from] {
		return false
	}
	seen[from] = true
	for _, other := range units[from].After {
		if _, known := units[other]; known && (other == to || reaches(units, other, to, seen)) {
			return true
		}
	}
	return false
}

// pull starts the enabled services that a unit requires or wants and that do
// not run. What is not enabled here belongs to somebody else.
func (d *daemon) pull(ctx context.Context, u unit.Unit) error {
	for _, name := range append(slices.Clone(u.Requires), u.Wants...) {
		if name == u.Name || !d.o.isEnabled(name) || d.service(name).wanted() {
			continue
		}
		other, err := unit.Load(d.o.UnitDirs, name)
		if err == nil {
			err = d.service(name).start(ctx, other)
		}
		if err != nil && slices.Contains(u.Requires, name) {
			return fmt.Errorf("start %s, which requires %s: %w", u.Name, name, err)
		}
	}
	return nil
}
