package fleet

import (
	"context"
	"slices"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/plan"
)

// round runs the stages: load balancers; then what touches no cluster, and the
// machine that makes the cluster, but for its last waits, at the same time, and
// workers when it is made; or, in a cluster that serves, these and workers side by
// side, and control planes one after the other. An etcd on hosts of its own goes
// before the control planes.
func (f *Fleet) round(ctx context.Context, p plan.Fleet, r *Result) {
	changing := p.Changing()
	t := &turn{f: f, result: r, changing: changing, places: make(chan struct{}, f.limit())}
	// Everything that names the endpoint comes by these.
	for _, n := range f.fit(p, "load balancers", r) {
		t.beside(ctx, n, n.want)
	}
	t.wait()
	if ctx.Err() != nil || r.fatal(f) != nil {
		return
	}
	first := f.makes()
	// Nobody joins a cluster that is half made.
	making := f.seed == nil || first != nil && (p.Founds(first.name()) || changing[first.name()] && f.alone(first))
	unprepared := slices.DeleteFunc(f.fit(p, "prepare", r), func(n *node) bool { return slices.Contains(f.together, n) })
	prepare := func() {
		for _, n := range unprepared {
			t.beside(ctx, n, n.want.Prepared())
		}
	}
	workers := f.fit(p, "workers", r)
	if len(f.together) == 0 {
		prepare()
	}
	if f.File.OwnEtcd() {
		t.wait()
		if ctx.Err() != nil || r.fatal(f) != nil || !f.etcdFirst(ctx, f.hosts(p, "etcd members"), func(n *node, want desired.Host) error { return t.run(ctx, n, want) }) {
			return
		}
	}
	if making {
		if first != nil {
			t.found(ctx, first, prepare, workers)
		}
		t.wait()
		return
	}
	t.wait()
	planes := f.hosts(p, "control planes")
	if r.fatal(f) != nil {
		planes = nil
	}
	for _, n := range slices.DeleteFunc(workers, t.failed) {
		t.beside(ctx, n, n.want)
	}
	for _, n := range f.hosts(p, plan.ClusterStage) {
		t.beside(ctx, n, n.want)
	}
	for _, n := range planes {
		if ctx.Err() != nil || t.run(ctx, n, n.want) != nil {
			break
		}
	}
	t.wait()
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
