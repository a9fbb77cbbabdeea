package operation

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/haproxy"
	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/service"
)

func TestRolesOf(t *testing.T) {
	const manager, ca = "/etc/kubernetes/controller-manager.conf", "/etc/kubernetes/pki/ca.key"
	for _, row := range []struct {
		name  string
		files []string
		roles string
	}{
		{"nothing", nil, "[]"},
		{"kubeadm's control plane", []string{apiserverYAML, manifestDir + "etcd.yaml", kubeletConf, manager, ca}, "[controlplane worker]"},
		{"one with an external etcd and authority", []string{apiserverYAML, kubeletConf, manager}, "[controlplane worker]"},
		{"one whose API server's file was moved away", []string{manifestDir + "etcd.yaml", kubeletConf, manager}, "[controlplane worker]"},
		{"one that is being made", []string{ca}, "[controlplane worker]"},
		{"a control plane and load balancer", []string{apiserverYAML, kubeletConf, haproxy.UnitFile}, "[controlplane worker loadbalancer]"},
		{"a host of etcd", []string{manifestDir + "etcd.yaml", "/etc/kubernetes/pki/etcd/ca.key"}, "[etcd]"},
		{"a worker", []string{kubeletConf, "/etc/kubernetes/pki/ca.crt"}, "[worker]"},
		{"a worker with its own load balancer", []string{kubeletConf, manifestDir + haproxy.Name + ".yaml"}, "[worker]"},
		{"a worker that is joining", []string{"/etc/kubernetes/bootstrap-kubelet.conf"}, "[worker]"},
		{"a load balancer", []string{haproxy.UnitFile}, "[loadbalancer]"},
	} {
		if got := fmt.Sprint(rolesOf(func(p string) bool { return slices.Contains(row.files, p) })); got != row.roles {
			t.Errorf("%s: %s, want %s", row.name, got, row.roles)
		}
	}
}

// idle has no services, and an API that nobody serves.
type idle struct{}

func (idle) Kind() string                                           { return "systemd" }
func (idle) Status(context.Context, string) (service.Status, error) { return service.Status{}, nil }
func (idle) Start(context.Context, string) error                    { return fs.ErrPermission }
func (idle) Restart(context.Context, string) error                  { return fs.ErrPermission }
func (idle) Stop(context.Context, string) error                     { return fs.ErrPermission }
func (idle) Logs(context.Context, string, int) ([]string, error)    { return nil, nil }

const fakeKubeletConf = `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://lb.example:6443"}}]
contexts: [{name: x, context: {cluster: c, user: system:node:w1}}]
users: [{name: system:node:w1, user: {}}]
current-context: x
`

// fakeMachine is a machine in memory with these files, whose API nobody serves.
func fakeMachine(t *testing.T, files map[string]string) *Machine {
	t.Helper()
	h := hosttest.New("w1")
	for p, text := range map[string]string{
		"/proc/sys/kernel/hostname":                    "w1\n",
		"/proc/sys/kernel/osrelease":                   "6.1.0\n",
		"/proc/1/comm":                                 "systemd\n",
		"/proc/self/status":                            "Name:\tkeelway\nCapEff:\t000001ffffffffff\n",
		"/proc/self/mountinfo":                         "31 23 0:28 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
		"/proc/net/route":                              "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\nens3\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\nens3\t0000000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\n",
		"/proc/net/fib_trie":                           "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.0.0.7\n        /32 host LOCAL\n",
		"/proc/net/ipv6_route":                         "",
		"/proc/self/environ":                           "HOME=/root\x00",
		"/proc/net/if_inet6":                           "",
		"/sys/module/nf_tables/initstate":              "live\n",
		"/boot/config-6.1.0":                           "CONFIG_NF_TABLES=m\nCONFIG_NFT_CT=m\nCONFIG_NFT_FIB=m\nCONFIG_NFT_MASQ=m\nCONFIG_NFT_NAT=m\nCONFIG_NFT_NUMGEN=m\nCONFIG_NFT_REJECT=m\n",
		"/proc/sys/net/bridge/bridge-nf-call-iptables": "1\n",
		"/sys/class/net/ens3/mtu":                      "1450\n",
	} {
		h.WriteFile(t, p, 0o644, text)
	}
	for p, text := range files {
		h.WriteFile(t, p, 0o644, text)
	}
	h.Answer("Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda1  1000 600 400 60% /var/lib\n", 0, "df", "-P", "-k", "--")
	h.Answer("", 1, "systemctl", "is-active", "--quiet", "systemd-resolved")
	h.Answer("Kubernetes v1.36.3\n", 0, "/usr/bin/kubelet", "--version")
	m, err := NewMachine(t.Context(), h, idle{}, nothing{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// podFiles are the static pods of a control plane.
func podFiles(t *testing.T, names ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, r := range desired.For(testModel(t, cluster.Kubeadm), 0).Resources {
		for _, f := range r.Files {
			for _, name := range names {
				if f.Path == manifestDir+name+".yaml" {
					files[f.Path] = string(f.Content)
				}
			}
		}
	}
	return files
}

// TestStatusByRole: every machine is shown as what it is by its files, and
// compared with what it was given.
func TestStatusByRole(t *testing.T) {
	given, err := json.Marshal(observed.Applied{
		Files: map[string]string{"/etc/a": sum([]byte("1")), "/etc/b": sum([]byte("2"))}, Modes: map[string]fs.FileMode{"/etc/a": 0o644, "/etc/b": 0o600},
	})
	if err != nil {
		t.Fatal(err)
	}
	unit := map[string]string{"/usr/lib/systemd/system/kubelet.service": "x"}
	balancer := cluster.Balancer{Port: 6443, Backends: []cluster.Backend{{Name: "cp1", Address: "10.0.0.1:6443"}}}
	for _, row := range []struct {
		name  string
		files []map[string]string
		// components and certificates are their names; drift its reasons.
		roles, components, certificates, version, endpoint string
		compared, drift                                    string
	}{
		{
			name: "a worker that kubeadm joined", files: []map[string]string{unit, {kubeletConf: fakeKubeletConf, "/run/flannel/subnet.env": ""}},
			roles: "[worker]", components: "containerd kubelet flannel kube-proxy", certificates: "ca kubelet.conf", version: "v1.36.3", endpoint: "https://lb.example:6443",
		},
		{
			name: "a worker with another network", files: []map[string]string{unit, {kubeletConf: fakeKubeletConf}},
			roles: "[worker]", components: "containerd kubelet kube-proxy", certificates: "ca kubelet.conf", version: "v1.36.3", endpoint: "https://lb.example:6443",
		},
		{
			name: "a worker of apply", files: []map[string]string{unit, {kubeletConf: fakeKubeletConf, observe.AppliedPath: string(given), "/etc/b": "2", haproxy.ConfigFile: string(haproxy.Config(balancer, ""))}},
			roles: "[worker]", components: "containerd kubelet haproxy kube-proxy", certificates: "ca kubelet.conf", version: "v1.36.3", endpoint: "https://lb.example:6443",
			compared: byApply, drift: "/etc/a is missing; /etc/b has mode 0644, not 0600",
		},
		{
			name: "a host of etcd", files: []map[string]string{unit, podFiles(t, "etcd")},
			roles: "[etcd]", components: "containerd kubelet etcd", certificates: "etcd-ca etcd-server etcd-peer etcd-healthcheck-client", version: "v1.36.3",
		},
		{
			name: "a load balancer", files: []map[string]string{{haproxy.UnitFile: "x", haproxy.HostConfig: string(haproxy.Config(balancer, ""))}},
			roles: "[loadbalancer]", components: "haproxy", endpoint: "https://10.0.0.7:6443",
		},
		{
			name: "a control plane of apply", files: []map[string]string{unit, podFiles(t, "etcd", "kube-apiserver"), {observe.AppliedPath: string(given), "/etc/a": "2", "/etc/b": "3"}},
			roles: "[controlplane worker]", components: "containerd kubelet etcd kube-apiserver kube-controller-manager kube-scheduler coredns", version: "v1.37.0", endpoint: "https://192.0.2.10:6443",
			compared: byApply, drift: "/etc/a has another content; /etc/b has another content",
		},
	} {
		files := map[string]string{}
		for _, more := range row.files {
			for p, text := range more {
				files[p] = text
			}
		}
		m := fakeMachine(t, files)
		r, err := Status(t.Context(), m, StatusOptions{})
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		var components, certificates, drift []string
		for _, c := range r.Components {
			if c.Name != "kube-proxy" || !slices.Contains(r.Roles, cluster.ControlPlane) {
				components = append(components, c.Name)
			}
		}
		for _, c := range r.Certificates {
			certificates = append(certificates, c.Name)
		}
		for _, d := range r.Drift {
			drift = append(drift, d.Reason)
		}
		if row.certificates == "" && slices.Contains(r.Roles, cluster.ControlPlane) {
			certificates = nil // those of TestCertificates
		}
		for what, pair := range map[string][2]string{
			"roles": {fmt.Sprint(r.Roles), row.roles}, "components": {strings.Join(components, " "), row.components},
			"certificates": {strings.Join(certificates, " "), row.certificates}, "version": {r.Kubernetes, row.version},
			"endpoint": {r.Addresses.Endpoint, row.endpoint}, "compared": {r.Compared, row.compared}, "drift": {strings.Join(drift, "; "), row.drift},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s: %s: %q, want %q", row.name, what, pair[0], pair[1])
			}
		}
		for _, p := range r.Problems {
			if strings.Contains(p, "API") && row.roles != "[worker]" && row.roles != "[controlplane worker]" {
				t.Errorf("%s: %s", row.name, p)
			}
		}
		e, err := Explain(t.Context(), m, ExplainOptions{})
		if err != nil || len(e.Steps) == 0 {
			t.Errorf("%s: explain: %v, %+v", row.name, err, e)
			continue
		}
		// Of kubelet.conf and its like nobody has written down how they should be.
		if f, err := Explain(t.Context(), m, ExplainOptions{Name: "kubelet.conf"}); row.roles == "[worker]" &&
			(err != nil || f.File == nil || f.File.Now.Server != row.endpoint || f.File.Now.Compared || f.File.Now.SHA256 != "") {
			t.Errorf("%s: explain kubelet.conf: %v, %+v", row.name, err, f)
		}
		main := slices.ContainsFunc(e.Steps, func(s ExplainedStep) bool { return s.ID == "control-plane/apiserver" })
		if main != strings.Contains(row.roles, "controlplane") {
			t.Errorf("%s: explain tells the story of a control plane: %v", row.name, main)
		}
	}
}

// TestOnlyWhatWasGiven: an object that this keelway would make otherwise is not
// compared with what it was given as.
func TestOnlyWhatWasGiven(t *testing.T) {
	want := desired.For(testModel(t, cluster.Kubeadm), 0)
	last := plan.Remember(want, nil)
	count := func(h desired.Host) (n int) {
		for _, r := range h.Resources {
			n += len(r.Objects)
		}
		return n
	}
	all := count(plan.Given(want, last))
	if all == 0 || all != len(last.Objects) {
		t.Fatalf("%d objects of %d", all, len(last.Objects))
	}
	for key := range last.Objects {
		last.Objects[key] = "other"
		break
	}
	if n := count(plan.Given(want, last)); n != all-1 {
		t.Errorf("%d objects, want %d", n, all-1)
	}
}
