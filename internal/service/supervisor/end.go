package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"keelway.dev/keelway/internal/service/unit"
)

// finish ends the supervisor for good, when no service is left: nothing starts
// at boot any more, and with logs set the logs go too.
func (d *daemon) finish(ctx context.Context, logs bool) error {
	d.leave()
	if left := d.about().Services; len(left) > 0 {
		d.stay()
		return fmt.Errorf("end the supervisor: it still runs %s; stop them first", strings.Join(left, ", "))
	}
	names, err := d.o.enabled()
	if err == nil && len(names) > 0 {
		err = fmt.Errorf("end the supervisor: %s would start with the next one; stop them first", strings.Join(names, ", "))
	}
	if err == nil {
		err = d.init.Remove(ctx, d.command)
	}
	if err != nil {
		d.stay()
		return err
	}
	if logs {
		if err := d.o.removeLogs(); err != nil {
			d.stay()
			return err
		}
	}
	d.once.Do(func() {
		d.ended = true
		close(d.over)
	})
	return nil
}

// stay takes leave back.
func (d *daemon) stay() {
	d.going.Lock()
	defer d.going.Unlock()
	d.leaving = false
}

// haltAll stops every service, those that come after others first, and ends
// the supervisor; what is enabled stays so. It is for the machine's shutdown.
func (d *daemon) haltAll(ctx context.Context) error {
	d.leave()
	units := map[string]unit.Unit{}
	for _, s := range d.all() {
		if u, ok := s.Unit(); ok {
			units[s.Name()] = u
		}
	}
	done := map[string]chan struct{}{}
	for name := range units {
		done[name] = make(chan struct{})
	}
	var mu sync.Mutex
	var all []error
	for name := range units {
		go func() {
			defer close(done[name])
			for other := range units {
				for _, before := range order(units, other) {
					if before == name {
						<-done[other]
					}
				}
			}
			if err := d.service(name).Stop(ctx, func() error { return nil }); err != nil {
				mu.Lock()
				all = append(all, err)
				mu.Unlock()
			}
		}()
	}
	for _, c := range done {
		<-c
	}
	d.end()
	return errors.Join(all...)
}

// removeLogs deletes the logs and old logs, and the folder if nothing else is in it.
func (o Options) removeLogs() error {
	files, err := os.ReadDir(o.LogDir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove logs: %w", err)
	}
	ours := regexp.MustCompile(`^[A-Za-z0-9:_.@-]+\.log(\.[0-9]+|\.new)?$`)
	for _, f := range files {
		if f.Type().IsRegular() && ours.MatchString(f.Name()) {
			if err := os.Remove(filepath.Join(o.LogDir, f.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("remove logs: %w", err)
			}
		}
	}
	_ = os.Remove(o.LogDir)
	return nil
}
