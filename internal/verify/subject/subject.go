// Package subject is the cluster that the checks ask, with what is read of it once.
package subject

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/verify/probe"
	"keelway.dev/keelway/internal/verify/result"
)

// The annotations with which kubeadm says where a static pod listens: an API
// server's address and port, and an etcd member's URLs.
const (
	APIAnnotation  = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"
	EtcdAnnotation = "kubeadm.kubernetes.io/etcd.advertise-client-urls"
)

// Target is the cluster that is asked.
type Target struct {
	Client *kube.Client
	Model  *cluster.Model
	// Control is a control plane: etcd's certificates are read and every
	// listener is called from there.
	Control host.Host
	// Machines are those that can be read themselves.
	Machines []Machine
	Now      func() time.Time
	// Done is told how each check ended, in the order of the table; nil is nobody.
	Done func(result.Result)
}

// Machine is one host with what it must hold. Lost is why it cannot be read.
type Machine struct {
	Name string
	// Apart is true of a machine that is no node, Etcd the address of one that
	// etcd has for itself.
	Apart bool
	Etcd  string
	Host  host.Host
	Want  desired.Host
	Lost  error
}

// Subject is a target with what was read of it once.
type Subject struct {
	Target
	Nodes []corev1.Node
	// Ready are the names of the nodes that are.
	Ready  []string
	Probes *probe.Set
	// Started is closed when the probes run, or never will: ProbeErr says why.
	Started  chan struct{}
	ProbeErr error
}

// IsReady says whether a node is Ready.
func IsReady(n corev1.Node) bool {
	return slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// Addresses are a node's own, of its host.
func Addresses(n corev1.Node) []string {
	var all []string
	for _, a := range n.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			all = append(all, a.Address)
		}
	}
	return all
}
