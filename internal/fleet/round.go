package fleet

import (
	"context"
	"errors"
	"slices"
	"sync"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/plan"
)

// round runs the stages: load balancers; then what touches no cluster, and the
// machine that makes the cluster, but for its last waits, at the same time; then,
// in a cluster that serves, these and workers side by side, and control planes one
// after the other. An etcd on hosts of its own goes before the control
// planes.
func (f *Fleet) round(ctx context.Context, p plan.Fleet, r *Result) {
	changing := p.Changing()
	t := &turn{f: f, result: r, changing: changing}
	run := func(n *node, want desired.Host) error { return t.run(ctx, n, want) }
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
	for _, n := range f.fit(p, "load balancers", r) {
		beside(n, n.want)
	}
	wg.Wait()
	if ctx.Err() != nil || r.fatal(f) != nil {
		return
	}
	first := f.makes()
	// Nobody joins a cluster that is half made.
	making := f.seed == nil || first != nil && (p.Founds(first.name()) || changing[first.name()] && f.alone(first))
	unprepared := slices.DeleteFunc(f.fit(p, "prepare", r), func(n *node) bool { return slices.Contains(f.together, n) })
	prepare := func() {
		for _, n := range unprepared {
			beside(n, n.want.Prepared())
		}
	}
	if len(f.together) == 0 {
		prepare()
	}
	if f.File.OwnEtcd() {
		wg.Wait()
		if ctx.Err() != nil || r.fatal(f) != nil || !f.etcdFirst(ctx, f.hosts(p, "etcd members"), run) {
			return
		}
	}
	if making {
		if first != nil {
			t.found(ctx, first, prepare)
		}
		wg.Wait()
		return
	}
	wg.Wait()
	planes := f.hosts(p, "control planes")
	if r.fatal(f) != nil {
		planes = nil
	}
	for _, n := range f.fit(p, "workers", r) {
		beside(n, n.want)
	}
	for _, n := range f.hosts(p, plan.ClusterStage) {
		beside(n, n.want)
	}
	for _, n := range planes {
		if ctx.Err() != nil || run(n, n.want) != nil {
			break
		}
	}
	wg.Wait()
}

// turn is what is done on the machines in one round.
type turn struct {
	f        *Fleet
	changing map[string]bool
	mu       sync.Mutex
	result   *Result
}

// run brings a machine to what want says of it. An error is written down too.
func (t *turn) run(ctx context.Context, n *node, want desired.Host) error {
	steps := 0
	var err error
	if t.changing[n.name()] {
		err = t.f.begin(ctx, n)
	}
	if err == nil {
		steps, err = n.machine.Converge(ctx, n.model, want, n.kit)
	}
	if err == nil && len(want.Resources) == len(n.want.Resources) {
		err = t.f.end(ctx, n)
	}
	t.mu.Lock()
	t.result.Steps += steps
	t.mu.Unlock()
	if err != nil && errors.Is(context.Cause(ctx), errBeside) {
		return errBeside // which is told of where it happened
	}
	return t.fail(n, err)
}

// fail writes down why a machine is not what it is to be; nil says nothing.
func (t *turn) fail(n *node, err error) error {
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.result.Failed[n.name()] = err
	}
	return err
}

// alone tells whether no other machine of the file is part of the cluster.
func (f *Fleet) alone(first *node) bool {
	return !slices.ContainsFunc(f.nodes, func(n *node) bool { return n != first && n.isNode() && (n.node || n.member) })
}

// fit are the machines of a stage that have not failed yet. It is asked before
// any of them begins, which may fail.
func (f *Fleet) fit(p plan.Fleet, stage string, r *Result) []*node {
	return slices.DeleteFunc(f.hosts(p, stage), func(n *node) bool { return r.Failed[n.name()] != nil })
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
