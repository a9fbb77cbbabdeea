package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/report"
)

// Leftover is a node of the cluster, or a member of its etcd, that the file does
// not name.
type Leftover struct {
	Node    string
	Address string
	Control bool
	// Member is true of a host of etcd's own, which is no node.
	Member bool
	Ready  bool
}

func (l Leftover) String() string {
	if l.Member {
		state := "it answers"
		if !l.Ready {
			state = "it does not answer"
		}
		return fmt.Sprintf("the etcd member %s (%s, %s) is in the cluster and not in the file: `keelway apply --remove %s` removes it", l.Node, l.Address, state, l.Node)
	}
	what, state := "worker", "it is Ready"
	if l.Control {
		what = "control plane"
	}
	if !l.Ready {
		state = "it does not answer"
	}
	return fmt.Sprintf("the node %s (%s, %s) is in the cluster and not in the file: `keelway apply --remove %s` drains and removes it", l.Node, what, state, l.Node)
}

// leftovers are the cluster's nodes and etcd members that the file does not name.
func (f *Fleet) leftovers(ctx context.Context) ([]Leftover, error) {
	all, err := f.clusterNodes(ctx)
	if err == nil && f.seed != nil && f.File.OwnEtcd() {
		// An etcd without a majority cannot be asked: what it waits for, the plan says.
		if m, err := f.members(ctx); err == nil {
			all = append(all, m.leftovers()...)
			m.client.Close()
		}
	}
	return slices.DeleteFunc(all, func(l Leftover) bool { return f.named(l.Node) != nil }), err
}

// named is the machine of the file with that node name, nil for none.
func (f *Fleet) named(name string) *node {
	if i := slices.IndexFunc(f.nodes, func(n *node) bool { return n.name() == name }); i >= 0 {
		return f.nodes[i]
	}
	return nil
}

func (f *Fleet) clusterNodes(ctx context.Context) ([]Leftover, error) {
	if f.seed == nil {
		return nil, nil
	}
	client, err := f.admin().Client(ctx)
	if err != nil {
		return nil, err
	}
	nodes, err := client.Typed.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("cannot list the cluster's nodes: %w", err)
	}
	var left []Leftover
	for _, n := range nodes.Items {
		l := Leftover{Node: n.Name}
		_, l.Control = n.Labels["node-role.kubernetes.io/control-plane"]
		for _, a := range n.Status.Addresses {
			if a.Type == corev1.NodeInternalIP && l.Address == "" {
				l.Address = a.Address
			}
		}
		for _, c := range n.Status.Conditions {
			l.Ready = l.Ready || c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
		}
		left = append(left, l)
	}
	return left, nil
}

// admin is the cluster's administrator at the machine that serves.
func (f *Fleet) admin() *kube.Admin {
	a := kube.NewAdmin(f.seed.machine.Host)
	a.Use("", f.seed.url())
	return a
}

// Remove takes nodes out of the cluster, whether the file still names them or
// not: drained, the etcd member removed by its ID while the others have a
// majority, the machine cleaned where it can be reached, and the Node deleted.
func (f *Fleet) Remove(ctx context.Context, names []string) error {
	release, err := f.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	f.parts()
	if f.seed == nil {
		return errors.New("no control plane of the file serves the API, so no node can be removed")
	}
	ctx, give, err := f.hold(ctx)
	if err != nil {
		return err
	}
	defer give()
	left, err := f.clusterNodes(ctx)
	if err != nil {
		return err
	}
	if f.File.OwnEtcd() {
		m, err := f.members(ctx)
		if err != nil {
			return err
		}
		left = append(left, m.leftovers()...)
		m.client.Close()
	}
	for _, name := range names {
		i := slices.IndexFunc(left, func(l Leftover) bool { return l.Node == name })
		if i < 0 {
			if err := f.removed(ctx, name); err != nil {
				return err
			}
			continue
		}
		if left[i].Node == f.seed.name() {
			return fmt.Errorf("%s serves the API that this goes through: remove another one, or take it out of the file and run this again", name)
		}
		if err := f.remove(ctx, left[i]); err != nil {
			return fmt.Errorf("cannot remove %s: %w", name, err)
		}
	}
	return nil
}

func (f *Fleet) remove(ctx context.Context, l Leftover) error {
	client, err := f.admin().Client(ctx)
	if err != nil {
		return err
	}
	var members *members
	if l.Member || l.Control && f.seed.model.Cluster.Etcd.Local != nil {
		if members, err = f.members(ctx); err != nil {
			return err
		}
		defer members.client.Close()
		if err := plan.CheckRemoval(members.states, l.Node); err != nil {
			return err
		}
	}
	if !l.Member {
		if err := f.step(l.Node, "remove/drain", "cordon and drain the node", func(say func(string)) error {
			return drain(ctx, client, l, say)
		}); err != nil {
			return err
		}
	}
	if members != nil {
		if err := f.step(l.Node, "remove/member", "remove the etcd member by its ID", func(func(string)) error {
			return members.remove(ctx, l.Node)
		}); err != nil {
			return err
		}
	}
	if err := f.clean(ctx, l); err != nil {
		if n := f.named(l.Node); n != nil && n.lost == nil {
			return err // the Node stays until the machine is clean, so that the next run goes on
		}
		f.Events.Emit(report.Event{Time: f.Now(), Kind: report.Warning, Host: l.Node, Phase: "remove",
			What: "the machine is left as it is: " + err.Error() + "; on the machine itself, `keelway down` removes what was made there"})
	}
	if l.Member {
		return nil
	}
	return f.step(l.Node, "remove/node", "delete the Node", func(func(string)) error {
		err := client.Typed.CoreV1().Nodes().Delete(ctx, l.Node, metav1.DeleteOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}

// step reports one change that no plan holds.
func (f *Fleet) step(host, id, what string, do func(say func(string)) error) error {
	phase, _, _ := strings.Cut(id, "/")
	e := report.Event{Time: f.Now(), Kind: report.Step, Host: host, Phase: phase, Step: id, What: what}
	f.Events.Emit(e)
	began := f.Now()
	err := do(report.Waiting(f.Events, e, f.Now))
	e.Time, e.Kind, e.Seconds = f.Now(), report.Done, f.Now().Sub(began).Seconds()
	if err != nil {
		e.Kind, e.Detail = report.Failed, err.Error()
	}
	f.Events.Emit(e)
	return err
}
