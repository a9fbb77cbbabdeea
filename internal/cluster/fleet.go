package cluster

import (
	"fmt"
	"time"

	kubeproxy "k8s.io/kube-proxy/config/v1alpha1"
	kubelet "k8s.io/kubelet/config/v1beta1"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/release"
)

// Fleet is a cluster of many machines, as its file describes it in kubeadm's
// words, without what depends on a machine.
type Fleet struct {
	Profile Profile
	Cluster config.ClusterConfiguration
	// Kubelet and Proxy are nil where the file has none.
	Kubelet *kubelet.KubeletConfiguration
	Proxy   *kubeproxy.KubeProxyConfiguration
	// Balancer is in front of the API servers.
	Balancer   Balancer
	Registries Registries
	// OwnEtcd is as in Model.
	OwnEtcd bool
	Patcher Patcher
	Now     time.Time
}

// Model is the cluster as one of its machines sees it: its only host. What the
// machine makes necessary is in the model of that machine alone.
func (f Fleet) Model(h Host) (*Model, error) {
	r, err := release.For(f.Cluster.KubernetesVersion)
	if err != nil {
		return nil, err
	}
	m := &Model{Release: r, Profile: or(f.Profile, Hardened), Now: f.Now, Cluster: f.Cluster.Clone(), Patcher: f.Patcher, Balancer: f.Balancer, OwnEtcd: f.OwnEtcd, Hosts: []Host{h}}
	m.Registries = f.Registries
	if len(f.Registries.Proxy) > 0 {
		m.Hosts[0].Facts.ProxyEnvironment = f.Registries.Proxy
	}
	if f.Kubelet != nil {
		m.Kubelet, m.KubeletSupplied = *f.Kubelet.DeepCopy(), true
	}
	if f.Proxy != nil {
		m.Proxy, m.ProxySupplied = *f.Proxy.DeepCopy(), true
	}
	if err := m.complete(); err != nil {
		return nil, fmt.Errorf("host %s: %w", h.Init.NodeRegistration.Name, err)
	}
	return m, nil
}
