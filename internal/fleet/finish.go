package fleet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"keelway.dev/keelway/internal/report"
)

// fatal ends an apply in which any machine but a worker failed.
func (r *Result) fatal(f *Fleet) error {
	for _, n := range f.nodes {
		if err := r.Failed[n.name()]; err != nil && (n.main() || !n.isNode()) {
			return fmt.Errorf("%s: %w", n.name(), err)
		}
	}
	return nil
}

// finish runs what comes after the last change of hosts: their hooks, what the
// owner adds, the proof of a cluster that was changed, by this run or by one that
// did not come to it, and the last hooks. It
// tells of workers that failed.
func (f *Fleet) finish(ctx context.Context, r *Result, began time.Time, changes bool) error {
	for _, n := range f.nodes { // those of which only a part was changed
		if n.lost == nil && r.Failed[n.name()] == nil {
			if err := f.end(ctx, n); err != nil {
				r.Failed[n.name()] = err
			}
		}
	}
	if err := r.fatal(f); err != nil {
		return err
	}
	if err := f.applyAddons(ctx, r); err != nil {
		return fmt.Errorf("the cluster runs, but not all addons are applied: %w", err)
	}
	if f.seed != nil && (r.Steps > 0 || f.seed.machine.Unproven(ctx)) {
		var err error
		if r.Proof, err = f.seed.machine.Prove(ctx, f.seed.model); err != nil {
			return err
		}
	}
	f.unreached(r)
	if len(r.Failed) > 0 {
		var names []string
		var errs []error
		for _, n := range f.nodes {
			if err := r.Failed[n.name()]; err != nil {
				names = append(names, n.name())
				errs = append(errs, fmt.Errorf("%s: %w", n.name(), err))
			}
		}
		return fmt.Errorf("the cluster runs, but without %s: %w", strings.Join(names, ", "), errors.Join(errs...))
	}
	if changes {
		if err := f.around(ctx, "after-apply", f.File.Spec.Hooks.AfterApply); err != nil {
			return fmt.Errorf("the cluster is as the file says, but %w", err)
		}
	}
	what := "the cluster is as the file says"
	if r.Steps == 0 {
		what = "nothing to do: " + what
	}
	f.Events.Emit(report.Event{Time: f.Now(), Kind: report.Done, What: what, Seconds: f.Now().Sub(began).Seconds(), Total: r.Steps})
	return nil
}
