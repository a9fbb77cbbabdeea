package fleet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/fleet/hook"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/report"
)

// hooks keeps what ran in one apply: each hook runs on a host once.
type hooks struct {
	mu sync.Mutex
	// begun are the hosts that are about to be changed, or were, and ended those
	// whose last hook ran.
	begun, ended map[string]bool
}

// hookNotes say in a plan which hooks run when it is done.
func (f *Fleet) hookNotes(p plan.Fleet) []string {
	if p.Changes() == 0 {
		return nil
	}
	changed := p.Changing()
	var notes []string
	tell := func(list []file.Hook, all bool, when string) {
		for _, h := range list {
			var names []string
			for _, n := range f.nodes {
				if hook.RunsOn(h, n.Host) && n.lost == nil && (all || changed[n.name()]) {
					names = append(names, n.name())
				}
			}
			if len(names) > 0 {
				notes = append(notes, fmt.Sprintf("the hook %q runs on %s %s", h.Name, strings.Join(names, ", "), when))
			}
		}
	}
	h := f.File.Spec.Hooks
	tell(h.BeforeApply, true, "before anything is changed")
	tell(h.BeforeHost, false, "before that host is changed")
	tell(h.AfterHost, false, "after that host was changed")
	tell(h.AfterApply, true, "at the end")
	return notes
}

// around runs the hooks of all hosts before or after an apply, side by side on
// the hosts.
func (f *Fleet) around(ctx context.Context, when string, list []file.Hook) error {
	if len(list) == 0 {
		return nil
	}
	var mu sync.Mutex
	var errs []error
	var wg sync.WaitGroup
	places := make(chan struct{}, f.limit())
	for _, n := range f.nodes {
		if n.lost != nil {
			continue
		}
		wg.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			if err := f.hooksOn(ctx, n, when, list); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("%s: %w", n.name(), err))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// begin runs the hooks of a host that is about to be changed for the first time.
func (f *Fleet) begin(ctx context.Context, n *node) error {
	f.hooks.mu.Lock()
	before := f.hooks.begun[n.name()]
	f.hooks.begun[n.name()] = true
	f.hooks.mu.Unlock()
	if before {
		return nil
	}
	return f.hooksOn(ctx, n, "before-host", f.File.Spec.Hooks.BeforeHost)
}

// end runs the hooks of a host on which nothing is left to do, once.
func (f *Fleet) end(ctx context.Context, n *node) error {
	f.hooks.mu.Lock()
	run := f.hooks.begun[n.name()] && !f.hooks.ended[n.name()]
	f.hooks.ended[n.name()] = true
	f.hooks.mu.Unlock()
	if !run {
		return nil
	}
	return f.hooksOn(ctx, n, "after-host", f.File.Spec.Hooks.AfterHost)
}

// hooksOn runs those of a list that are for the host, in order.
func (f *Fleet) hooksOn(ctx context.Context, n *node, when string, list []file.Hook) error {
	for _, h := range list {
		if !hook.RunsOn(h, n.Host) {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := f.hook(ctx, n, when, h); err != nil {
			return fmt.Errorf("the hook %q failed: %w", h.Name, err)
		}
	}
	return nil
}

// hook runs one, and tells its output.
func (f *Fleet) hook(ctx context.Context, n *node, when string, h file.Hook) error {
	return f.step(n.name(), "hooks/"+when, h.Name, func(func(string)) error {
		said, err := hook.Run(ctx, n.machine.Host, n.Host.Name, h)
		if said != "" {
			f.Events.Emit(report.Event{Time: f.Now(), Kind: report.Note, Host: n.name(), Phase: "hooks", Step: "hooks/" + when, What: fmt.Sprintf("the hook %q said:", h.Name), Detail: said})
		}
		return err
	})
}
