// Package node checks what each node is: ready, of which version, at which time, with which files.
package node

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"keelway.dev/keelway/internal/verify/result"
	"keelway.dev/keelway/internal/verify/subject"
)

// Machines says which machines can be read.
func Machines(_ context.Context, s *subject.Subject) (o result.Outcome, err error) {
	if len(s.Machines) == 0 {
		o.Skip("", "no machine is at hand: what its files say is not checked")
		return o, nil
	}
	read := 0
	for _, m := range s.Machines {
		if m.Lost != nil {
			o.Fail(m.Name, "cannot be read: %v", m.Lost)
			continue
		}
		read++
	}
	o.Seen = result.Counted(read, len(s.Machines), "machine") + " read"
	return o, nil
}

// Nodes looks at the nodes' own conditions.
func Nodes(_ context.Context, s *subject.Subject) (result.Outcome, error) {
	var names []string
	for _, m := range s.Machines {
		if !m.Apart {
			names = append(names, m.Name)
		}
	}
	return judgeNodes(s.Nodes, names), nil
}

// judgeNodes looks at the nodes' own conditions, and for a node of each machine.
func judgeNodes(all []corev1.Node, machines []string) (o result.Outcome) {
	ready := 0
	known := map[string]bool{}
	for _, n := range all {
		known[n.Name] = true
		if subject.IsReady(n) {
			ready++
		}
		for _, c := range n.Status.Conditions {
			switch {
			case c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue:
				o.Fail(n.Name, "is not Ready: %s: %s", c.Reason, c.Message)
			case c.Type != corev1.NodeReady && c.Status == corev1.ConditionTrue:
				o.Fail(n.Name, "%s: %s", c.Type, c.Message)
			}
		}
		if n.Spec.Unschedulable {
			o.Warn(n.Name, "is cordoned: nothing new is put there; `keelway kubectl uncordon %s` lets pods in again", n.Name)
		}
	}
	for _, m := range machines {
		if !known[m] {
			o.Fail(m, "is no node of the cluster: join it, or run `keelway apply` again")
		}
	}
	o.Seen = result.Counted(ready, len(all), "node") + " Ready"
	return o
}

// component is one program of Kubernetes and its version, on one node.
type component struct {
	name, node, version string
}

// Versions compares the programs' versions.
func Versions(ctx context.Context, s *subject.Subject) (o result.Outcome, err error) {
	var all []component
	for _, n := range s.Nodes {
		all = append(all, component{"kubelet", n.Name, n.Status.NodeInfo.KubeletVersion})
	}
	pods, err := s.Client.Typed.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{})
	if err != nil {
		return o, err
	}
	for _, p := range pods.Items {
		name := p.Labels["component"]
		if p.Labels["k8s-app"] == "kube-proxy" {
			name = "kube-proxy"
		}
		for _, c := range p.Spec.Containers {
			if c.Name == name && strings.HasPrefix(name, "kube-") {
				_, tag, _ := strings.Cut(c.Image[strings.LastIndex(c.Image, "/")+1:], ":")
				all = append(all, component{name, p.Spec.NodeName, tag})
			}
		}
	}
	return judgeVersions(all), nil
}

// older is how many minors each program may be older than the oldest API
// server, by upstream's version skew policy. None may be newer.
func older() map[string]uint {
	return map[string]uint{"kubelet": 3, "kube-proxy": 3, "kube-controller-manager": 1, "kube-scheduler": 1}
}

func judgeVersions(all []component) (o result.Outcome) {
	var lowest, highest *version.Version
	read := map[component]*version.Version{}
	for _, c := range all {
		v, err := version.ParseGeneric(c.version)
		if err != nil {
			o.Warn(c.node, "%s is of a version that cannot be read: %q", c.name, c.version)
			continue
		}
		read[c] = v
		if c.name != "kube-apiserver" {
			continue
		}
		if lowest == nil || v.LessThan(lowest) {
			lowest = v
		}
		if highest == nil || highest.LessThan(v) {
			highest = v
		}
	}
	if lowest == nil {
		o.Skip("", "no API server runs as a pod of the cluster, so that nothing can be compared with it")
		return o
	}
	if lowest.Major() != highest.Major() || highest.Minor()-lowest.Minor() > 1 {
		o.Fail("", "API servers are of v%s and v%s: at most one minor may be between them", lowest, highest)
	}
	for _, c := range all {
		v, allowed := read[c], older()[c.name]
		switch {
		case v == nil || c.name == "kube-apiserver":
		case v.Minor() > lowest.Minor() || v.Major() > lowest.Major():
			o.Fail(c.node, "%s is v%s, newer than the API server, v%s", c.name, v, lowest)
		case lowest.Minor()-v.Minor() > allowed:
			o.Fail(c.node, "%s is v%s, more than %d minors older than the API server, v%s", c.name, v, allowed, lowest)
		}
	}
	o.Seen = fmt.Sprintf("%d programs go with the API server, v%s", len(read), highest)
	return o
}
