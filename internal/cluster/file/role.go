package file

import (
	"reflect"
	"slices"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
)

// Role is what a host is for. A host may have several.
type Role string

// The roles.
const (
	ControlPlane Role = "controlplane"
	Worker       Role = "worker"
	// EtcdMember is a host of etcd alone; where etcd is stacked, every control
	// plane is a member, said or not.
	EtcdMember   Role = "etcd"
	LoadBalancer Role = "loadbalancer"
)

// Topology is where etcd's members run.
type Topology string

// The topologies, with kubeadm's words for them.
const (
	Stacked  Topology = "stacked"
	External Topology = "external"
)

// Balancing is what spreads clients over the API servers.
type Balancing string

// The kinds of load balancing.
const (
	NoBalancing       Balancing = "none"
	ExternalBalancing Balancing = "external"
	HAProxy           Balancing = "haproxy"
	NodeLocal         Balancing = "node"
)

// Choices lists what a field of a type may say; nil is anything.
func Choices(t reflect.Type) []string {
	switch t {
	case reflect.TypeFor[Role]():
		return words(ControlPlane, Worker, EtcdMember, LoadBalancer)
	case reflect.TypeFor[Topology]():
		return words(Stacked, External)
	case reflect.TypeFor[Balancing]():
		return words(NoBalancing, ExternalBalancing, HAProxy, NodeLocal)
	case reflect.TypeFor[cluster.Profile]():
		return words(cluster.Hardened, cluster.Kubeadm)
	case reflect.TypeFor[config.EncryptionAlgorithm]():
		return words(config.RSA2048, config.RSA3072, config.RSA4096, config.ECDSAP256, config.ECDSAP384)
	}
	return nil
}

func words[T ~string](list ...T) []string {
	var texts []string
	for _, v := range list {
		texts = append(texts, string(v))
	}
	return texts
}

// Is tells whether a host has a role.
func (h Host) Is(r Role) bool { return slices.Contains(h.Roles, r) }

// IsNode tells whether a host becomes a Kubernetes node.
func (h Host) IsNode() bool { return h.Is(ControlPlane) || h.Is(Worker) }

// With lists the hosts that have a role, in the file's order.
func (c Cluster) With(r Role) []Host {
	var hosts []Host
	for _, h := range c.Spec.Hosts {
		if h.Is(r) {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// OwnEtcd tells whether etcd has hosts of its own, which Keelway makes.
func (c Cluster) OwnEtcd() bool {
	return c.Spec.Etcd.Topology == External && c.Spec.Etcd.External == nil
}

// Members lists the hosts that etcd's members run on; none where it is others'.
func (c Cluster) Members() []Host {
	switch {
	case c.Spec.Etcd.External != nil:
		return nil
	case c.OwnEtcd():
		return c.With(EtcdMember)
	}
	return c.With(ControlPlane)
}
