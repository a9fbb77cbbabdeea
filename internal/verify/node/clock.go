package node

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"keelway.dev/keelway/internal/verify/result"
	"keelway.dev/keelway/internal/verify/subject"
)

const (
	// skewWarning is where etcd begins to complain of its peers' clocks;
	// skewFailed is more than a busy machine can explain.
	skewWarning = time.Second
	skewFailed  = 3 * time.Second
	// heartbeats is how long they are listened to: a kubelet writes its lease
	// every ten seconds, and on a busy machine sometimes late; it is good for forty.
	heartbeats = 40 * time.Second
)

// Clocks reads each node's clock from the lease that its kubelet renews, at the
// moment when the renewal is seen here.
func Clocks(ctx context.Context, s *subject.Subject) (o result.Outcome, err error) {
	ahead := map[string]time.Duration{}
	limit, cancel := context.WithTimeout(ctx, heartbeats)
	defer cancel()
	leases := s.Client.Typed.CoordinationV1().Leases("kube-node-lease")
	for limit.Err() == nil && len(ahead) < len(s.Ready) {
		list, err := leases.List(limit, metav1.ListOptions{})
		if err != nil {
			return o, err
		}
		w, err := leases.Watch(limit, metav1.ListOptions{ResourceVersion: list.ResourceVersion})
		if err != nil {
			return o, err
		}
		for len(ahead) < len(s.Ready) {
			e, open := <-w.ResultChan()
			if !open {
				break
			}
			lease, ok := e.Object.(*coordinationv1.Lease)
			if ok && e.Type == watch.Modified && lease.Spec.RenewTime != nil && slices.Contains(s.Ready, lease.Name) {
				ahead[lease.Name] = lease.Spec.RenewTime.Sub(s.Now())
			}
		}
		w.Stop()
	}
	if ctx.Err() != nil {
		return o, ctx.Err()
	}
	o = judgeClocks(ahead, s.Ready)
	for _, n := range s.Nodes {
		if !slices.Contains(s.Ready, n.Name) {
			o.Skip(n.Name, "is not Ready: it sends no heartbeat")
		}
	}
	return o, nil
}

// judgeClocks compares how far each node's clock is ahead of one and the same.
func judgeClocks(ahead map[string]time.Duration, nodes []string) (o result.Outcome) {
	for _, n := range nodes {
		if _, ok := ahead[n]; !ok {
			o.Fail(n, "its kubelet renewed no lease for %s", heartbeats)
		}
	}
	names := slices.Sorted(maps.Keys(ahead))
	if len(names) == 0 {
		return o
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(ahead[a], ahead[b]) })
	slow, fast := names[0], names[len(names)-1]
	skew := (ahead[fast] - ahead[slow]).Round(10 * time.Millisecond)
	switch {
	case skew > skewFailed:
		o.Fail(fast, "its clock is %s ahead of that of %s", skew, slow)
	case skew > skewWarning:
		o.Warn(fast, "its clock is %s ahead of that of %s", skew, slow)
	}
	o.Seen = fmt.Sprintf("the clocks of %s are at most %s apart", result.Counted(len(names), len(nodes), "node"), skew)
	if len(nodes) == 1 && len(names) == 1 {
		o.Seen = fmt.Sprintf("there is one node, and its clock is %s from this machine's", ahead[fast].Abs().Round(10*time.Millisecond))
	}
	return o
}
