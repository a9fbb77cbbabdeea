package cluster

import (
	"bytes"
	"net/netip"
	"slices"

	kubeproxy "k8s.io/kube-proxy/config/v1alpha1"
	kubelet "k8s.io/kubelet/config/v1beta1"

	"keelway.dev/keelway/internal/config"
)

// SystemdResolvConf is systemd-resolved's list of real name servers; its stub
// on 127.0.0.53 is out of a pod's reach.
const SystemdResolvConf = "/run/systemd/resolve/resolv.conf"

// scarceDisk is the free space, in percent, below which the kubelet's default
// eviction thresholds (15 % for images) are near enough to evict pods soon.
const scarceDisk = 20

// fit defaults the kubelet's and kube-proxy's configuration and changes what
// the machine cannot do otherwise.
func (m *Model) fit() error {
	facts := m.Hosts[0].Facts
	endpoint := m.Hosts[0].Init.LocalAPIEndpoint
	if facts.CgroupVersion == 1 {
		// The kubelet refuses to start on cgroup v1 since 1.35 unless told.
		no := false
		m.Kubelet.FailCgroupV1 = &no
	}
	if !facts.SystemdCgroups() {
		m.Kubelet.CgroupDriver = "cgroupfs"
	}
	if facts.Scarce() {
		lowerEviction(&m.Kubelet)
	}
	if m.NFTables() {
		m.Proxy.Mode = "nftables"
	}
	if !facts.ConntrackWritable {
		zero := int32(0)
		m.Proxy.Conntrack.MaxPerCore, m.Proxy.Conntrack.Min = &zero, &zero
	}
	if err := config.DefaultKubelet(&m.Kubelet, m.Cluster); err != nil {
		return err
	}
	config.DefaultProxy(&m.Proxy, m.Cluster, endpoint)
	if err := m.markSupplied(endpoint); err != nil {
		return err
	}
	// kubeadm adds this last, and does not count it as a change of its default.
	if facts.SystemdResolved && m.Kubelet.ResolverConfig == nil {
		path := SystemdResolvConf
		m.Kubelet.ResolverConfig = &path
	}
	return nil
}

func (m *Model) markSupplied(endpoint config.APIEndpoint) error {
	var k kubelet.KubeletConfiguration
	if err := config.DefaultKubelet(&k, m.Cluster); err != nil {
		return err
	}
	var p kubeproxy.KubeProxyConfiguration
	config.DefaultProxy(&p, m.Cluster, endpoint)
	m.KubeletSupplied = !bytes.Equal(config.Marshal(k), config.Marshal(m.Kubelet))
	m.ProxySupplied = !bytes.Equal(config.Marshal(p), config.Marshal(m.Proxy))
	return nil
}

// lowerEviction replaces the shares of the disk by fixed sizes, and keeps the
// kubelet from deleting images that an offline machine cannot pull again.
func lowerEviction(k *kubelet.KubeletConfiguration) {
	if k.EvictionHard == nil {
		k.EvictionHard = map[string]string{
			"memory.available":   "100Mi",
			"nodefs.available":   "1Gi",
			"nodefs.inodesFree":  "1%",
			"imagefs.available":  "1Gi",
			"imagefs.inodesFree": "1%",
		}
	}
	if k.ImageGCHighThresholdPercent == nil && k.ImageGCLowThresholdPercent == nil {
		high, low := int32(100), int32(99)
		k.ImageGCHighThresholdPercent, k.ImageGCLowThresholdPercent = &high, &low
	}
}

// EvictionLowered is true when the disk was so full that the kubelet's
// eviction thresholds had to be replaced.
func (m *Model) EvictionLowered() bool { return m.Kubelet.EvictionHard != nil }

// IPv6 is true where the pods, the Services or an API server have such an address.
func (m *Model) IPv6() bool {
	n := m.Cluster.Networking
	// What is no range was refused before.
	pods, _ := config.Subnets(n.PodSubnet)
	services, _ := config.Subnets(n.ServiceSubnet)
	return slices.ContainsFunc(append(pods, services...), func(p netip.Prefix) bool { return p.Addr().Is6() }) ||
		slices.ContainsFunc(m.Hosts, func(h Host) bool { return h.Init.LocalAPIEndpoint.IPv6() })
}

// NFTables is true when every host can use nftables.
func (m *Model) NFTables() bool {
	for _, h := range m.Hosts {
		if !h.Facts.NFTables {
			return false
		}
	}
	return len(m.Hosts) > 0
}

// SystemdCgroups is true where systemd can manage the pods' cgroups: it runs
// and the unified hierarchy is in use.
func (f Facts) SystemdCgroups() bool { return f.Systemd && f.CgroupVersion == 2 }
