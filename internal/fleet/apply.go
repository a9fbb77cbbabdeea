package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"keelway.dev/keelway/internal/apply"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/plan"
)

// rounds bounds the loop: the first makes the cluster, the second has the
// others join, the third finds nothing left; an etcd on hosts of its own is
// begun in one before them.
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

// round runs the stages: load balancers; then what touches no cluster, and the machine that makes the
// cluster, at the same time; then, in a cluster that serves, control planes one
// after the other and workers side by side. An etcd on hosts of its own goes
// before the control planes.
func (f *Fleet) round(ctx context.Context, p plan.Fleet, r *Result) {
	var mu sync.Mutex
	changing := p.Changing()
	run := func(n *node, want desired.Host) error {
		steps := 0
		var err error
		if changing[n.name()] {
			err = f.begin(ctx, n)
		}
		if err == nil {
			steps, err = n.machine.Converge(ctx, n.model, want, n.kit)
		}
		if err == nil && len(want.Resources) == len(n.want.Resources) {
			err = f.end(ctx, n)
		}
		mu.Lock()
		defer mu.Unlock()
		r.Steps += steps
		if err != nil {
			r.Failed[n.name()] = err
		}
		return err
	}
	var wg sync.WaitGroup
	places := make(chan struct{}, f.limit())
	beside := func(n *node, want desired.Host) {
		wg.Go(func() {
			select {
			case places <- struct{}{}:
				defer func() { <-places }()
				_ = run(n, want)
			case <-ctx.Done():
			}
		})
	}
	// Everything that names the endpoint comes by these.
	for _, n := range f.hosts(p, "load balancers") {
		if r.Failed[n.name()] == nil {
			beside(n, n.want)
		}
	}
	wg.Wait()
	if ctx.Err() != nil || r.fatal(f) != nil {
		return
	}
	making := f.seed == nil
	for _, n := range f.hosts(p, "prepare") {
		if r.Failed[n.name()] == nil {
			beside(n, n.want.Prepared())
		}
	}
	if f.File.OwnEtcd() {
		wg.Wait()
		if ctx.Err() != nil || r.fatal(f) != nil || !f.etcdFirst(ctx, f.hosts(p, "etcd members"), run) {
			return
		}
	}
	if making {
		if n := f.makes(); n != nil {
			_ = run(n, n.want)
		}
		wg.Wait()
		return
	}
	wg.Wait()
	for _, n := range f.hosts(p, "workers") {
		if r.Failed[n.name()] == nil {
			beside(n, n.want)
		}
	}
	for _, n := range f.hosts(p, "control planes") {
		if ctx.Err() != nil || r.Failed[n.name()] != nil || run(n, n.want) != nil {
			break
		}
	}
	wg.Wait()
}

// hosts are the machines of a stage.
func (f *Fleet) hosts(p plan.Fleet, stage string) []*node {
	var list []*node
	for _, s := range p.Stages {
		if s.Name != stage {
			continue
		}
		for _, h := range s.Hosts {
			i := slices.IndexFunc(f.nodes, func(n *node) bool { return n.name() == h.Host })
			list = append(list, f.nodes[i])
		}
	}
	return list
}
