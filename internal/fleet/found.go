package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"keelway.dev/keelway/internal/desired/etcd"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/plan"
)

// begins finds out which control planes make the etcd of a new cluster together.
// A member that is added once an API server has written is sent etcd's snapshot,
// and says only seconds later that it is there; those that begin together have
// nothing to send. An apply that was interrupted goes on with those that the
// members which are there name. Where a control plane has or had an API server,
// or cannot be seen, none begins: a member that has lost its data must be
// replaced then.
func (f *Fleet) begins() {
	mains := slices.DeleteFunc(slices.Clone(f.nodes), func(n *node) bool { return !n.main() || n.model == nil })
	f.together, f.broken = nil, ""
	initial, there := f.initial(mains)
	for _, n := range mains {
		h := &n.model.Hosts[0]
		h.Initial = ""
		switch {
		case slices.Contains(initial, etcd.Place(*h)):
			h.Initial = strings.Join(initial, ",")
			f.together = append(f.together, n)
		case n == f.makes():
			h.Initial = n.initial // etcd reads it only where it has no data
		}
	}
	if there && (!slices.Contains(f.together, f.makes()) || len(f.together) < plan.Majority(len(initial))) {
		f.broken = fmt.Sprintf("etcd was begun on %s, and has never served: put these control planes back into the cluster file, or remove what is there with `keelway destroy`", strings.Join(initial, ", "))
	}
}

// begun tells whether a control plane has an API server, or had one from us.
func begun(ctx context.Context, h host.Host) (bool, error) {
	const manifest = "/etc/kubernetes/manifests/kube-apiserver.yaml"
	if _, err := h.Stat(ctx, manifest); !errors.Is(err, fs.ErrNotExist) {
		return err == nil, err
	}
	given, err := observe.Applied(ctx, h)
	_, had := given.Files[manifest]
	return had, err
}

// initial are the places in --initial-cluster of those that begin together, and
// whether a member is there that names them; none where nobody begins, or one alone.
func (f *Fleet) initial(mains []*node) (places []string, there bool) {
	if f.seed != nil || f.documents.Cluster.Etcd.External != nil || f.File.OwnEtcd() {
		return nil, false
	}
	for _, n := range f.nodes {
		if n.main() && (n.lost != nil || n.begun) {
			return nil, false
		}
	}
	for _, n := range mains {
		if n.initial != "" {
			places, there = strings.Split(n.initial, ","), true
		}
	}
	if !there {
		for _, n := range mains {
			places = append(places, etcd.Place(n.model.Hosts[0]))
		}
	}
	if len(places) < 2 {
		return nil, false
	}
	return places, there
}

// found makes the cluster on its first control plane, and on those that begin with
// it, whatever the limit of hosts is: they need each other. prepare begins to
// prepare those that join later; workers join as soon as CoreDNS is placed.
func (t *turn) found(ctx context.Context, first *node, prepare func(), workers []*node) {
	others := slices.DeleteFunc(slices.Clone(t.f.together), func(n *node) bool { return n == first })
	if len(others) == 0 {
		if t.run(ctx, first, first.want.Founded()) == nil {
			t.follow(ctx, first, workers)
		}
		return
	}
	if !t.formEtcd(ctx, first, others) {
		return
	}
	// Of API servers that make the roles at once, each takes the others' time.
	if !t.allOf(ctx, func(ctx context.Context, n *node) error {
		if n != first {
			return t.run(ctx, n, n.want.Prepared()) // the other images
		}
		if err := t.run(ctx, n, n.want.UntilServing()); err != nil {
			return err
		}
		// Before, it would take the time of what all wait for; to make the roles is
		// waiting for the most part.
		prepare()
		return t.run(ctx, n, n.want.UntilRoles())
	}) {
		return
	}
	for _, n := range others {
		n.machine.Through(first.machine.Client)
	}
	var pods sync.WaitGroup // start on all of them: CoreDNS is placed on any
	pods.Add(len(others))
	joined := make(chan struct{})
	t.allOf(ctx, func(together context.Context, n *node) error {
		if n != first {
			return t.another(together, n, pods.Done, joined)
		}
		defer close(joined)
		if err := t.run(together, n, n.want.Founded().WithoutDNS()); err != nil {
			return err
		}
		pods.Wait()
		if err := t.run(together, n, n.want.Founded()); err != nil {
			return err
		}
		t.follow(ctx, first, workers)
		return nil
	})
}

// another makes one that began with the first a control plane. It tells when pods
// can start there, and leaves what nobody waits for, such as its managers that stand
// by, until workers have joined.
func (t *turn) another(ctx context.Context, n *node, pods func(), joined <-chan struct{}) error {
	// Its kubelet calls its own API server: only then is it there to register.
	err := t.run(ctx, n, n.want.UntilServing())
	if err == nil {
		err = t.run(ctx, n, n.want.UntilPods())
	}
	pods()
	if err != nil {
		return err
	}
	<-joined
	return t.run(ctx, n, n.want)
}

// follow has workers join a cluster that was just made, once they are prepared, and
// returns when those that do not fail have registered; what is left to do on them
// is done beside. CoreDNS's pods are placed by then: on a machine that joins they
// would be before its flannel, and fail at first.
func (t *turn) follow(ctx context.Context, first *node, workers []*node) {
	t.wait()
	workers = slices.DeleteFunc(slices.Clone(workers), t.failed)
	if len(workers) == 0 {
		return
	}
	shared, err := t.f.sharedOn(ctx, first)
	if err == nil {
		err = t.f.makeToken(ctx, first)
	}
	var registered sync.WaitGroup
	for _, n := range workers {
		unfit := err
		if unfit == nil {
			n.machine.Through(first.machine.Client)
			n.want, unfit = t.f.join(n, shared, nil)
		}
		if t.fail(n, unfit) != nil {
			continue
		}
		registered.Add(1)
		t.side.Go(func() {
			err := t.inPlace(ctx, n, n.want.UntilRegistered())
			registered.Done()
			if err == nil {
				_ = t.inPlace(ctx, n, n.want)
			}
		})
	}
	registered.Wait()
}

// formEtcd makes etcd on all control planes of a new cluster side by side, and
// tells whether it runs.
func (t *turn) formEtcd(ctx context.Context, first *node, others []*node) bool {
	if t.run(ctx, first, first.want.Keys()) != nil {
		return false
	}
	shared, err := t.f.sharedOn(ctx, first)
	if t.fail(first, err) != nil {
		return false
	}
	for _, n := range others {
		n.want, err = t.f.join(n, shared, nil)
		if t.fail(n, err) != nil {
			return false
		}
	}
	return t.allOf(ctx, func(ctx context.Context, n *node) error { return t.run(ctx, n, n.want.UntilEtcd()) })
}

// errBeside ends what waits for a machine that has failed.
var errBeside = errors.New("another control plane failed")

// allOf does a part of the stories of those that begin together, side by side, and
// tells whether it is done on all. One that fails ends the others, which may wait
// for it.
func (t *turn) allOf(ctx context.Context, part func(context.Context, *node) error) bool {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var wg sync.WaitGroup
	for _, n := range t.f.together {
		wg.Go(func() {
			if part(ctx, n) != nil {
				end(errBeside)
			}
		})
	}
	wg.Wait()
	return ctx.Err() == nil
}
