package cluster

import (
	"fmt"
	"sync"
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

// Models makes the models of a fleet's machines. What takes time is made once
// for all machines that are alike: there may be thousands of them. It is safe for
// concurrent use.
type Models struct {
	fleet Fleet
	mu    sync.Mutex
	alike map[string]*Model
}

// NewModels returns the models of a fleet; none is made yet.
func NewModels(f Fleet) *Models { return &Models{fleet: f, alike: map[string]*Model{}} }

// Model is the cluster as one of its machines sees it: its only host. What the
// machine makes necessary is in the models of such machines alone. Machines that
// are alike share all of a model but its host, so it must not be changed.
func (f *Models) Model(h Host) (*Model, error) {
	if proxy := f.fleet.Registries.Proxy; len(proxy) > 0 {
		h.Facts.ProxyEnvironment = proxy
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	kind := kindOf(h)
	known := f.alike[kind]
	if known == nil {
		m, err := f.fleet.model(h)
		if err == nil {
			f.alike[kind] = m
		}
		return m, err
	}
	m := *known
	m.Hosts = []Host{h}
	if err := check(&m); err != nil {
		return nil, named(h, err)
	}
	return &m, nil
}

// kindOf is the same for hosts whose models differ in the host alone: what is
// left out names the machine, and goes into no other part of a model.
func kindOf(h Host) string {
	f := h.Facts
	f.Hostname, f.Addresses, f.Interface = "", nil, ""
	scarce := f.Scarce()
	f.DiskFreePercent, f.EvictionLowered = 0, nil
	e := h.Init.LocalAPIEndpoint
	return fmt.Sprintf("%v %v %v %d %q %+v", h.Roles, scarce, e.IPv6(), e.BindPort, h.Init.NodeRegistration.CRISocket, f)
}

func (f Fleet) model(h Host) (*Model, error) {
	r, err := release.For(f.Cluster.KubernetesVersion)
	if err != nil {
		return nil, err
	}
	m := &Model{
		Release: r, Profile: or(f.Profile, Hardened), Now: f.Now, Cluster: f.Cluster.Clone(), Patcher: f.Patcher,
		Balancer: f.Balancer, Registries: f.Registries, OwnEtcd: f.OwnEtcd, Hosts: []Host{h}, texts: &sync.Map{},
	}
	if f.Kubelet != nil {
		m.Kubelet, m.KubeletSupplied = *f.Kubelet.DeepCopy(), true
	}
	if f.Proxy != nil {
		m.Proxy, m.ProxySupplied = *f.Proxy.DeepCopy(), true
	}
	if err := m.complete(); err != nil {
		return nil, named(h, err)
	}
	return m, nil
}

func named(h Host, err error) error {
	return fmt.Errorf("host %s: %w", h.Init.NodeRegistration.Name, err)
}

// Text is what render returns. For machines that are alike it is rendered once,
// so it must not depend on what names the machine; name says which text it is.
func (m *Model) Text(name string, render func() []byte) []byte {
	if m.texts == nil {
		return render()
	}
	if text, ok := m.texts.Load(name); ok {
		return text.([]byte)
	}
	text, _ := m.texts.LoadOrStore(name, render())
	return text.([]byte)
}
