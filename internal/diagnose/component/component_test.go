package component

import (
	"fmt"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
)

func model(t *testing.T, profile cluster.Profile) *cluster.Model {
	t.Helper()
	m, err := cluster.New(cluster.Options{Profile: profile, Facts: cluster.Facts{
		Hostname: "node-1", Addresses: []string{"192.0.2.10"}, CgroupVersion: 2, Systemd: true, NFTables: true, OOMScoreAdjustable: true,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The endpoints are kubeadm's own, as its manifests' probes name them.
func TestFor(t *testing.T) {
	m := model(t, cluster.Hardened)
	var got []string
	for _, c := range For(m, m.Hosts[0]) {
		got = append(got, fmt.Sprint(c.Name, " ", c.Kind, " ", strings.Join(c.Health, " ")))
	}
	want := []string{
		"containerd service ",
		"kubelet service http://127.0.0.1:10248/healthz",
		"etcd static pod http://127.0.0.1:2381/livez http://127.0.0.1:2381/readyz",
		"kube-apiserver static pod https://192.0.2.10:6443/livez https://192.0.2.10:6443/readyz",
		"kube-controller-manager static pod https://127.0.0.1:10257/healthz",
		"kube-scheduler static pod https://127.0.0.1:10259/livez https://127.0.0.1:10259/readyz",
		"keelway-approver service ",
		"flannel DaemonSet ",
		"kube-proxy DaemonSet http://127.0.0.1:10256/healthz",
		"coredns Deployment ",
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

// TestForRoles: every machine has what its role runs, and no more.
func TestForRoles(t *testing.T) {
	none, service := cluster.Balancer{}, cluster.Balancer{Port: 7443, Backends: []cluster.Backend{{Name: "cp1"}}}
	local := service
	local.Local, local.Address = true, "::1"
	main, worker, member, balancer := cluster.ControlPlane, cluster.Worker, cluster.EtcdMember, cluster.LoadBalancer
	for _, row := range []struct {
		roles    []cluster.Role
		balancer cluster.Balancer
		change   func(*cluster.Model)
		want     string
	}{
		{roles: []cluster.Role{worker}, balancer: none, want: "containerd kubelet flannel kube-proxy"},
		{roles: []cluster.Role{worker}, balancer: local, want: "containerd kubelet haproxy flannel kube-proxy"},
		{roles: []cluster.Role{worker}, balancer: none, change: func(m *cluster.Model) { m.Theirs.Network, m.Cluster.Proxy.Disabled = true, true }, want: "containerd kubelet"},
		{roles: []cluster.Role{member}, balancer: local, want: "containerd kubelet etcd"},
		{roles: []cluster.Role{balancer}, balancer: service, want: "haproxy"},
		{roles: []cluster.Role{main}, balancer: local, want: "containerd kubelet etcd kube-apiserver kube-controller-manager kube-scheduler haproxy flannel kube-proxy coredns"},
		{roles: []cluster.Role{main, balancer}, balancer: service, change: func(m *cluster.Model) {
			m.Cluster.Etcd = config.Etcd{External: &config.ExternalEtcd{}}
			m.Theirs.Network = true
		}, want: "containerd kubelet kube-apiserver kube-controller-manager kube-scheduler haproxy kube-proxy coredns"},
	} {
		m := model(t, cluster.Kubeadm)
		m.Hosts[0].Roles, m.Balancer = row.roles, row.balancer
		if row.change != nil {
			row.change(m)
		}
		seen := map[string]bool{}
		var names []string
		for _, c := range For(m, m.Hosts[0]) {
			names = append(names, c.Name)
			for _, n := range c.Needs {
				if !seen[n] {
					t.Errorf("%v: %s needs %s, which is not before it", row.roles, c.Name, n)
				}
			}
			seen[c.Name] = true
			if c.Here != (c.Kind == DaemonSet && row.roles[0] == worker) {
				t.Errorf("%v: only a worker looks at %s on its own", row.roles, c.Name)
			}
			health := map[bool]string{true: "https://[::1]:7443/readyz", false: "https://127.0.0.1:7443/readyz"}[row.balancer.Local]
			if c.Name == "haproxy" && (strings.Join(c.Health, " ") != health || (c.Kind == StaticPod) != row.balancer.Local) {
				t.Errorf("%v: %+v", row.roles, c)
			}
		}
		if got := strings.Join(names, " "); got != row.want {
			t.Errorf("%v: %s, want %s", row.roles, got, row.want)
		}
	}
}

func TestEveryNeedIsBefore(t *testing.T) {
	for _, profile := range []cluster.Profile{cluster.Hardened, cluster.Kubeadm} {
		m := model(t, profile)
		seen := map[string]bool{}
		for _, c := range For(m, m.Hosts[0]) {
			for _, n := range c.Needs {
				if !seen[n] {
					t.Errorf("%s: %s needs %s, which is not before it", profile, c.Name, n)
				}
			}
			seen[c.Name] = true
			if (c.Unit != "") == (c.Container != "") {
				t.Errorf("%s is a service and a container, or neither", c.Name)
			}
		}
	}
}

func TestChain(t *testing.T) {
	m := model(t, cluster.Kubeadm)
	list := For(m, m.Hosts[0])
	for name, want := range map[string]string{
		"containerd":     "containerd",
		"kube-apiserver": "containerd kubelet etcd kube-apiserver",
		"coredns":        "containerd kubelet etcd kube-apiserver kube-controller-manager kube-scheduler flannel kube-proxy coredns",
		"nginx":          "",
	} {
		var names []string
		for _, c := range Chain(list, name) {
			names = append(names, c.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestUsersSettingsMoveTheEndpoint(t *testing.T) {
	m := model(t, cluster.Kubeadm)
	m.Hosts[0].Init.LocalAPIEndpoint.BindPort = 7443
	port := int32(0)
	m.Kubelet.HealthzPort = &port
	m.Proxy.HealthzBindAddress = "[::]:11256"
	list := For(m, m.Hosts[0])
	for name, want := range map[string]string{
		"kube-apiserver": "https://192.0.2.10:7443/livez https://192.0.2.10:7443/readyz",
		"kubelet":        "",
		"kube-proxy":     "http://[::1]:11256/healthz",
	} {
		c, _ := Find(list, name)
		if got := strings.Join(c.Health, " "); got != want {
			t.Errorf("%s answers at %q, want %q", name, got, want)
		}
	}
}
