package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/apply"
	"keelway.dev/keelway/internal/plan"
)

// rounds bounds the loop: the first makes the cluster and has workers join, the
// second finds nothing left; control planes that did not begin with the first
// join in one between them, and an etcd on hosts of its own is begun before.
const rounds = 6

// Result is what an apply came to.
type Result struct {
	Steps int
	// Proof are the lines of what was proved; none when nothing had changed.
	Proof []string
	// Failed says, by host, what did not work.
	Failed map[string]error
}

// Apply makes all machines what the file says. A worker that fails does not stop
// the others; a control plane that fails stops the control planes after it.
// check, when set, may refuse the first plan.
func (f *Fleet) Apply(ctx context.Context, check func(plan.Fleet) error) (*Result, error) {
	release, err := f.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	began := f.Now()
	r := &Result{Failed: map[string]error{}}
	f.hooks = hooks{begun: map[string]bool{}, ended: map[string]bool{}}
	checked := map[string]bool{}
	changes := false
	defer f.dropToken(context.WithoutCancel(ctx))
	held, give := false, func() {}
	defer func() { give() }()
	ended := func() {}
	defer func() { ended() }()
	var last plan.Fleet
	for round := range rounds {
		if round > 0 { // the machine that makes the cluster may serve by now
			f.parts()
			if err := f.needToken(ctx); err != nil {
				return r, err
			}
		}
		p, err := f.Plan(ctx)
		if err != nil {
			return r, err
		}
		if round == 0 && check != nil {
			if err := check(p); err != nil {
				return r, err
			}
		}
		if len(p.Refusals) > 0 {
			return r, &apply.RefusedError{Refusals: p.Refusals}
		}
		if f.seed != nil && !held && !p.Empty() {
			held = true
			if ctx, give, err = f.hold(ctx); err != nil {
				give = func() {}
				return r, err
			}
		}
		if round == 0 && p.Changes() > 0 {
			changes = true
			if err := f.around(ctx, "before-apply", f.File.Spec.Hooks.BeforeApply); err != nil {
				return r, fmt.Errorf("nothing was changed: %w", err)
			}
		}
		if !f.remaining(p, r) {
			return r, f.finish(ctx, r, began, changes)
		}
		if err := f.preflight(ctx, p, checked); err != nil {
			return r, err
		}
		known := f.token
		if err := f.needToken(ctx); err != nil {
			return r, err
		}
		if f.token != known { // now that there is one, it belongs into the files
			if p, err = f.Plan(ctx); err != nil {
				return r, err
			}
		}
		last = p
		if round == 0 {
			if ended, err = f.near(ctx, p); err != nil {
				return r, err
			}
		}
		f.round(ctx, p, r)
		if ctx.Err() != nil {
			return r, context.Cause(ctx)
		}
		for _, n := range f.nodes {
			if n.lost == nil {
				if err := n.look(ctx); err != nil {
					n.lost = err
				}
			}
		}
		if err := r.fatal(f); err != nil {
			return r, err
		}
		// What only did not answer when the plan was made has answered since.
		if !changed(p, r) {
			return r, f.finish(ctx, r, began, changes)
		}
	}
	return r, fmt.Errorf("what is desired keeps changing back: something else on the hosts writes the same files or objects; still to do are %s", strings.Join(last.First(3), "; "))
}

// remaining tells whether there is a step on a host that has not failed.
func (f *Fleet) remaining(p plan.Fleet, r *Result) bool {
	for _, s := range p.Stages {
		for _, h := range s.Hosts {
			if s.Name != plan.AddonPhase && r.Failed[h.Host] == nil {
				return true
			}
		}
	}
	return false
}

// changed tells whether a plan changed anything on a host that has not failed.
func changed(p plan.Fleet, r *Result) bool {
	for _, s := range p.Stages {
		for _, h := range s.Hosts {
			if r.Failed[h.Host] == nil && slices.ContainsFunc(h.Plan.Steps, func(s plan.Step) bool { return s.Change != plan.Wait }) {
				return true
			}
		}
	}
	return false
}
