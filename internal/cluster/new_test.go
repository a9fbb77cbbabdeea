package cluster_test

import (
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
)

func machine() cluster.Facts {
	return cluster.Facts{
		Hostname: "Node-1", Addresses: []string{"192.0.2.10", "203.0.113.4"}, CgroupVersion: 2,
		OOMScoreAdjustable: true, NFTables: true, BridgeNetfilter: true, ConntrackWritable: true, Systemd: true,
		DiskFreePercent: 50,
	}
}

func model(t *testing.T, o cluster.Options) *cluster.Model {
	t.Helper()
	m, err := cluster.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestDefaults(t *testing.T) {
	m := model(t, cluster.Options{Facts: machine()})
	h := m.Hosts[0]
	for what, row := range map[string][2]string{
		"profile":   {string(m.Profile), "hardened"},
		"version":   {m.Cluster.KubernetesVersion, "v1.37.0"},
		"node":      {h.Init.NodeRegistration.Name, "node-1"},
		"address":   {h.Init.LocalAPIEndpoint.HostPort(), "192.0.2.10:6443"},
		"pods":      {m.Cluster.Networking.PodSubnet, "10.244.0.0/16"},
		"services":  {m.Cluster.Networking.ServiceSubnet, "10.96.0.0/12"},
		"algorithm": {string(m.Cluster.EncryptionAlgorithm), "ECDSA-P256"},
		"etcd":      {m.Cluster.Etcd.Local.ImageTag, "3.7.3-0"},
		"socket":    {h.Init.NodeRegistration.CRISocket, "unix:///var/run/containerd/containerd.sock"},
		"proxy":     {string(m.Proxy.Mode), "nftables"},
	} {
		if row[0] != row[1] {
			t.Errorf("%s is %q, want %q", what, row[0], row[1])
		}
	}
	if taints := h.Init.NodeRegistration.Taints; taints == nil || len(taints) != 0 {
		t.Errorf("a single machine has taints %v, want an empty list", taints)
	}
	if !m.Kubelet.ServerTLSBootstrap || m.EvictionLowered() || len(h.Init.BootstrapTokens) != 0 {
		t.Error("the hardened kubelet, eviction or tokens are not the default")
	}
}

func TestKubeadmProfileIsKubeadm(t *testing.T) {
	f := machine()
	f.NFTables = false
	m := model(t, cluster.Options{Facts: f, Profile: cluster.Kubeadm})
	if m.Cluster.EncryptionAlgorithm != config.RSA2048 || m.Cluster.APIServer.ExtraArgs != nil || m.Tuning != (cluster.Tuning{}) {
		t.Error("the kubeadm profile is not kubeadm's")
	}
	if m.KubeletSupplied || m.ProxySupplied || m.Proxy.Mode != "iptables" || m.Kubelet.ServerTLSBootstrap {
		t.Error("the component configurations are not kubeadm's")
	}
}

func TestMachineDecides(t *testing.T) {
	rows := []struct {
		name   string
		change func(*cluster.Facts)
		check  func(*cluster.Model) bool
	}{
		{"cgroup v1", func(f *cluster.Facts) { f.CgroupVersion = 1 }, func(m *cluster.Model) bool {
			return m.Kubelet.FailCgroupV1 != nil && !*m.Kubelet.FailCgroupV1 && m.Kubelet.CgroupDriver == "cgroupfs"
		}},
		{"no systemd", func(f *cluster.Facts) { f.Systemd = false }, func(m *cluster.Model) bool {
			return m.Kubelet.FailCgroupV1 == nil && m.Kubelet.CgroupDriver == "cgroupfs"
		}},
		{"systemd-resolved", func(f *cluster.Facts) { f.SystemdResolved = true }, func(m *cluster.Model) bool {
			return *m.Kubelet.ResolverConfig == "/run/systemd/resolve/resolv.conf"
		}},
		{"conntrack", func(f *cluster.Facts) { f.ConntrackWritable = false }, func(m *cluster.Model) bool {
			return *m.Proxy.Conntrack.MaxPerCore == 0 && *m.Proxy.Conntrack.Min == 0 && m.ProxySupplied
		}},
		{"little disk", func(f *cluster.Facts) { f.DiskFreePercent = 15 }, func(m *cluster.Model) bool {
			return m.EvictionLowered() && m.Kubelet.EvictionHard["nodefs.available"] == "1Gi"
		}},
		{"no nftables", func(f *cluster.Facts) { f.NFTables = false }, func(m *cluster.Model) bool {
			return m.Proxy.Mode == "iptables" && !m.NFTables()
		}},
	}
	for _, row := range rows {
		f := machine()
		row.change(&f)
		if m := model(t, cluster.Options{Facts: f}); !row.check(m) {
			t.Errorf("%s does not show in the model: %+v", row.name, m.Kubelet)
		}
	}
}

func TestRefused(t *testing.T) {
	rows := []struct {
		name  string
		o     cluster.Options
		words []string
	}{
		{"version", cluster.Options{KubernetesVersion: "v1.20"}, []string{"v1.20", "v1.37.0"}},
		{"profile", cluster.Options{Profile: "loose"}, []string{"loose", "hardened", "kubeadm"}},
		{"token", cluster.Options{Token: "secret"}, []string{"form"}},
		{"node name", cluster.Options{NodeName: "Node_1"}, []string{"Node_1"}},
		{"address", cluster.Options{AdvertiseAddress: "node-1"}, []string{"node-1", "IP address"}},
		{"loopback", cluster.Options{AdvertiseAddress: "127.0.0.1"}, []string{"not reachable"}},
		{"port", cluster.Options{BindPort: 70000}, []string{"70000"}},
		{"overlap", cluster.Options{PodSubnet: "10.96.0.0/16"}, []string{"overlap", "10.96.0.0/12"}},
		{"host in pods", cluster.Options{PodSubnet: "192.0.0.0/8"}, []string{"192.0.2.10", "192.0.0.0/8"}},
		{"second address in services", cluster.Options{ServiceSubnet: "203.0.113.0/24"}, []string{"203.0.113.4"}},
		{"small services", cluster.Options{ServiceSubnet: "10.96.0.0/30"}, []string{"larger range"}},
		{"no range", cluster.Options{PodSubnet: "pods"}, []string{"podSubnet", "CIDR"}},
		{"two at once", cluster.Options{NodeName: "A", BindPort: -1}, []string{`"A"`, "-1"}},
	}
	for _, row := range rows {
		row.o.Facts = machine()
		_, err := cluster.New(row.o)
		if err == nil {
			t.Errorf("%s is accepted", row.name)
			continue
		}
		for _, w := range row.words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not say %q", row.name, err, w)
			}
		}
	}
}

func TestImage(t *testing.T) {
	m := model(t, cluster.Options{Facts: machine(), ImageRepository: "registry.example.com/k8s"})
	for name, want := range map[string]string{
		"kube-apiserver": "registry.example.com/k8s/kube-apiserver:v1.37.0",
		"coredns":        "registry.example.com/k8s/coredns:v1.14.6",
		"etcd":           "registry.example.com/k8s/etcd:3.7.3-0",
		"pause":          "registry.example.com/k8s/pause:3.10.2",
		"flannel":        "ghcr.io/flannel-io/flannel:v0.26.7",
	} {
		if got := m.Image(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
		if got, want := m.Bundled(name), m.Release.Image(name); got != want {
			t.Errorf("%s is in a bundle as %s, want %s", name, got, want)
		}
	}
	m.Cluster.Etcd.Local.ImageTag = "3.5.99-1"
	if got := m.Bundled("etcd"); got != "registry.k8s.io/etcd:3.5.99-1" {
		t.Errorf("an etcd of the user's own choice is in a bundle as %s", got)
	}
	m.Cluster.DNS.ImageRepository = "dns.example.com"
	if got := m.Bundled("coredns"); got != "dns.example.com/coredns:v1.14.6" {
		t.Errorf("a CoreDNS from a repository of its own is in a bundle as %s", got)
	}
	m.Cluster.KubernetesVersion = "v1.37.0+build.1"
	if got := m.Image("kube-proxy"); got != "registry.example.com/k8s/kube-proxy:v1.37.0_build.1" {
		t.Errorf("a build's tag is %s", got)
	}
}

// A machine without IPv4 gets ranges of IPv6, and forwards it.
func TestIPv6(t *testing.T) {
	f := machine()
	f.Addresses = []string{"2001:db8::7"}
	m := model(t, cluster.Options{Facts: f})
	if n := m.Cluster.Networking; n.PodSubnet != cluster.DefaultPodSubnet6 || n.ServiceSubnet != cluster.DefaultServiceSubnet6 || !m.IPv6() {
		t.Errorf("%+v, IPv6 %t", n, m.IPv6())
	}
	if m := model(t, cluster.Options{Facts: machine()}); m.IPv6() {
		t.Error("a cluster of IPv4 alone has IPv6")
	}
	if m := model(t, cluster.Options{Facts: machine(), PodSubnet: "10.244.0.0/16,fd00:1::/56", ServiceSubnet: "10.96.0.0/12,fd00:2::/112"}); !m.IPv6() {
		t.Error("a cluster of both families has no IPv6")
	}
}

func TestToken(t *testing.T) {
	m := model(t, cluster.Options{Facts: machine(), Token: "abcdef.0123456789abcdef", Now: time.Unix(1, 0)})
	tokens := m.Hosts[0].Init.BootstrapTokens
	if len(tokens) != 1 || tokens[0].Token.ID != "abcdef" || tokens[0].TTL.Duration != 24*time.Hour {
		t.Errorf("tokens: %+v", tokens)
	}
}
