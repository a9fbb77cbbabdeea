package supervisor

import (
	"context"
	"fmt"
	"slices"

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
		d.service(name).Adopt(r, slices.Contains(names, name))
	}
	units := map[string]unit.Unit{}
	for _, name := range names {
		s := d.service(name)
		if s.Wanted() {
			continue
		}
		u, err := unit.Load(d.o.UnitDirs, name)
		if err != nil {
			s.Fail(err)
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
			enabled := func() bool { return d.o.isEnabled(name) }
			if err := d.service(name).Resume(context.Background(), u, enabled); err != nil {
				d.logf("%s: %v", name, err)
			}
		}()
	}
	return nil
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
		if name == u.Name || !d.o.isEnabled(name) || d.service(name).Wanted() {
			continue
		}
		other, err := unit.Load(d.o.UnitDirs, name)
		if err == nil {
			err = d.service(name).Start(ctx, other, func() error { return d.o.enable(other) })
		}
		if err != nil && slices.Contains(u.Requires, name) {
			return fmt.Errorf("start %s, which requires %s: %w", u.Name, name, err)
		}
	}
	return nil
}
