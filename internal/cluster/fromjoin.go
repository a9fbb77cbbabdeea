package cluster

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	kubeproxy "k8s.io/kube-proxy/config/v1alpha1"
	kubelet "k8s.io/kubelet/config/v1beta1"

	"keelway.dev/keelway/internal/config"
)

// Join is one more machine for a cluster that is there, in kubeadm's words.
type Join struct {
	Join config.JoinConfiguration
	// Cluster, Kubelet and Proxy are what the cluster keeps in its ConfigMaps.
	Cluster config.ClusterConfiguration
	Kubelet kubelet.KubeletConfiguration
	Proxy   kubeproxy.KubeProxyConfiguration
	Theirs  Theirs
	Patcher Patcher
	Now     time.Time
	Facts   Facts
}

// FromJoin makes the model of a cluster as seen by the machine that joins it,
// its only host. The error lists all that cannot be.
func FromJoin(c Join) (*Model, error) {
	m := &Model{
		Profile: profileOf(c.Cluster), Now: c.Now, Cluster: c.Cluster, Kubelet: c.Kubelet, Proxy: c.Proxy,
		KubeletSupplied: true, ProxySupplied: true, Theirs: c.Theirs, Patcher: c.Patcher,
	}
	if m.Profile == Hardened {
		m.Tuning = hardenedTuning()
	}
	var err error
	if m.Release, err = released(&m.Cluster); err != nil {
		return nil, err
	}
	h := Host{Init: initOf(c.Join), Roles: []Role{Worker}, Facts: c.Facts}
	if c.Join.ControlPlane != nil {
		h.Roles = []Role{ControlPlane, Worker}
	}
	if err := registration(&h.Init, c.Facts); err != nil {
		return nil, err
	}
	m.Hosts = []Host{h}
	config.DefaultCluster(&m.Cluster)
	if err := checkConfig(m); err != nil {
		return nil, err
	}
	m.followRuntime(m.Kubelet.CgroupDriver)
	return m, m.adapt()
}

// initOf has the registration of a joining machine in the form of a first one's.
func initOf(j config.JoinConfiguration) config.InitConfiguration {
	c := config.InitConfiguration{
		NodeRegistration: j.NodeRegistration, Patches: j.Patches, Timeouts: j.Timeouts, SkipPhases: j.SkipPhases,
	}
	if j.ControlPlane != nil {
		c.LocalAPIEndpoint, c.CertificateKey = j.ControlPlane.LocalAPIEndpoint, j.ControlPlane.CertificateKey
	} else if c.NodeRegistration.Taints == nil {
		c.NodeRegistration.Taints = []corev1.Taint{}
	}
	return c
}

// profileOf recognises a cluster that Keelway has hardened by what its API
// servers are told.
func profileOf(c config.ClusterConfiguration) Profile {
	if v, _ := config.Value(c.APIServer.ExtraArgs, "encryption-provider-config"); v == EncryptionFile {
		return Hardened
	}
	return Kubeadm
}
