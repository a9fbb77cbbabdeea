package desired_test

import (
	"io/fs"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/phase"
)

func models(t *testing.T) map[string]*cluster.Model {
	t.Helper()
	all := map[string]*cluster.Model{}
	for name, o := range map[string]cluster.Options{
		"hardened": {Facts: machine()},
		"bare":     {Facts: bare()},
		"kubeadm":  {Facts: machine(), Profile: cluster.Kubeadm},
		"older":    {Facts: machine(), KubernetesVersion: "v1.35"},
	} {
		m, err := cluster.New(o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[name] = m
	}
	all["balanced"] = balanced(t, cluster.ControlPlane, cluster.Worker)
	return all
}

// A resource must say what it is and stand only on resources before it.
func TestEveryResourceIsWhole(t *testing.T) {
	for name, m := range models(t) {
		seen := map[string]bool{}
		for _, r := range desired.For(m, 0).Resources {
			if seen[r.ID] {
				t.Errorf("%s: %s is there twice", name, r.ID)
			}
			for _, before := range r.After {
				if !seen[before] {
					t.Errorf("%s: %s stands on %s, which is not before it", name, r.ID, before)
				}
			}
			seen[r.ID] = true
			if r.Phase != strings.Split(r.ID, "/")[0] || r.Component == "" {
				t.Errorf("%s: %s has phase %q and component %q", name, r.ID, r.Phase, r.Component)
			}
			if r.What == "" || strings.HasSuffix(r.What, ".") || !strings.HasSuffix(r.Why, ".") {
				t.Errorf("%s: %s says %q, %q", name, r.ID, r.What, r.Why)
			}
			kinds := 0
			for _, set := range []bool{
				r.Files != nil, r.Certificate != nil, r.Keypair != nil, r.Kubeconfig != nil, r.Key != nil,
				r.Sysctls != nil, r.Service != nil, r.Images != nil, r.Objects != nil, r.Wait != nil, r.Residue != nil,
			} {
				if set {
					kinds++
				}
			}
			if kinds != 1 {
				t.Errorf("%s: %s is %d things at once", name, r.ID, kinds)
			}
		}
	}
}

// What others join stands on nothing that is left out, and only waits are.
func TestFoundedStandsAlone(t *testing.T) {
	for name, m := range models(t) {
		whole, founded := desired.For(m, 0), map[string]bool{}
		for _, r := range whole.Founded().Resources {
			for _, before := range r.After {
				if !founded[before] {
					t.Errorf("%s: %s stands on %s, which is left out", name, r.ID, before)
				}
			}
			founded[r.ID] = true
		}
		for _, r := range whole.Resources {
			if !founded[r.ID] && r.Wait == nil {
				t.Errorf("%s: %s is left out, and changes something", name, r.ID)
			}
		}
		if !founded["bootstrap-token/rbac"] || !founded["wait-control-plane/serving"] || !founded["addon/coredns"] || founded["addon/coredns-ready"] {
			t.Errorf("%s: others join %d resources without what they need, or with the last waits", name, len(founded))
		}
	}
}

// The parts in which control planes that begin together are made stand on what
// came before them, and hold what the next ones need.
func TestPartsOfThoseThatBeginTogether(t *testing.T) {
	all, _ := phase.Select(phase.Join(), nil, nil)
	for name, m := range models(t) {
		m.Hosts[0].Initial = "a=https://192.0.2.1:2380,b=https://192.0.2.2:2380"
		first := desired.For(m, 0)
		other, err := desired.Join(m, 0, desired.JoinOptions{Run: all, Shared: map[string][]byte{"ca.crt": []byte("ca"), "ca.key": []byte("key")}, Pods: true})
		if err != nil {
			t.Fatal(err)
		}
		check := func(part string, parts []desired.Host, needs, not string) {
			t.Helper()
			has := map[string]bool{}
			for _, h := range parts {
				for _, r := range h.Resources {
					has[r.ID] = true
				}
			}
			for _, h := range parts {
				for _, r := range h.Resources {
					for _, before := range r.After {
						// The kubelet starts after its file, where that is written.
						if !has[before] && before != "control-plane/apiserver" && slices.ContainsFunc(append(first.Resources, other.Resources...), func(o desired.Resource) bool { return o.ID == before }) {
							t.Errorf("%s, %s: %s stands on %s, which is left out", name, part, r.ID, before)
						}
					}
				}
			}
			for id := range strings.FieldsSeq(needs) {
				if !has[id] {
					t.Errorf("%s, %s: %s is left out", name, part, id)
				}
			}
			for id := range strings.FieldsSeq(not) {
				if has[id] {
					t.Errorf("%s, %s: %s is there too soon", name, part, id)
				}
			}
		}
		keys := first.Keys()
		check("keys", []desired.Host{keys}, "certs/ca certs/sa certs/etcd-ca certs/front-proxy-ca kubeconfig/super-admin", "kubelet-start/kubelet")
		etcd := []desired.Host{keys, first.UntilEtcd()}
		check("etcd", etcd, "etcd/local kubelet-start/kubelet images/control-plane", "control-plane/apiserver images/addons")
		serving := append(etcd, first.UntilServing())
		check("serving", serving, "control-plane/apiserver wait-control-plane/serving images/addons", "wait-control-plane/roles control-plane/scheduler addon/flannel")
		serving = append(serving, first.UntilRoles())
		check("roles", serving, "wait-control-plane/roles", "control-plane/scheduler addon/flannel")
		check("without DNS", append(serving, first.Founded().WithoutDNS()), "addon/flannel addon/network-ready control-plane/scheduler", "addon/coredns")
		check("etcd of another", []desired.Host{other.UntilEtcd()}, "etcd/local etcd/ready kubelet-start/kubelet", "control-plane/apiserver images/addons etcd-join/member check-etcd/healthy")
		check("another with pods", []desired.Host{other.UntilEtcd(), other.UntilServing(), other.UntilPods()}, "control-plane/apiserver kubelet-start/kubelet kubelet-wait-bootstrap/network mark-control-plane/registered", "control-plane/controller-manager control-plane/scheduler")
		check("another", []desired.Host{other}, "control-plane/apiserver kubelet-wait-bootstrap/network mark-control-plane/registered", "etcd-join/member check-etcd/healthy")
		for _, h := range []desired.Host{first, other} {
			for _, r := range h.Resources {
				if r.ID == "etcd/local" && (!strings.Contains(string(r.Files[0].Content), "--initial-cluster="+m.Hosts[0].Initial+"\n") || strings.Contains(string(r.Files[0].Content), "existing")) {
					t.Errorf("%s: etcd begins as %s", name, r.Files[0].Content)
				}
			}
		}
		m.Hosts[0].Initial, m.Hosts[0].Roles = "", []cluster.Role{cluster.Worker}
		worker, err := desired.Join(m, 0, desired.JoinOptions{Run: all, CA: []byte("ca"), Bootstrap: []byte("token"), Shared: map[string][]byte{"ca.crt": []byte("ca")}, Pods: true})
		if err != nil {
			t.Fatal(err)
		}
		has := map[string]bool{}
		for _, r := range worker.UntilRegistered().Resources {
			has[r.ID] = true
		}
		if !has["kubelet-start/kubelet"] || !has["kubelet-wait-bootstrap/registered"] || has["kubelet-wait-bootstrap/network"] {
			t.Errorf("%s: a worker is registered after %v", name, slices.Sorted(maps.Keys(has)))
		}
	}
}

// The static pod of a member that is there is kept, as the one it was begun or
// added as, and nothing waits for itself.
func TestMemberFlags(t *testing.T) {
	const initial = "a=https://192.0.2.1:2380,b=https://192.0.2.2:2380"
	all, _ := phase.Select(phase.Join(), nil, nil)
	for name, m := range models(t) {
		for _, began := range []bool{true, false} {
			h, err := desired.Join(m, 0, desired.JoinOptions{Run: all, Initial: initial, Began: began})
			if err != nil {
				t.Fatal(err)
			}
			after := map[string][]string{}
			for _, r := range h.Resources {
				after[r.ID] = r.After
				if r.ID == "etcd/local" {
					text := string(r.Files[0].Content)
					if !strings.Contains(text, "--initial-cluster="+initial+"\n") || strings.Contains(text, "=existing") == began {
						t.Errorf("%s, began %t: %s", name, began, text)
					}
				}
			}
			if after["etcd/local"] == nil || after["etcd/ready"] == nil {
				t.Errorf("%s, began %t: nothing keeps the static pod", name, began)
			}
			var above []string
			var walk func(id string)
			walk = func(id string) {
				if slices.Contains(above, id) {
					t.Fatalf("%s: %s waits for itself, by %v", name, id, above)
				}
				above = append(above, id)
				for _, before := range after[id] {
					walk(before)
				}
				above = above[:len(above)-1]
			}
			for id := range after {
				walk(id)
			}
		}
	}
}

// A file needs its folder, and whoever reads it the words why.
func TestEveryFileHasAFolder(t *testing.T) {
	given := map[string]bool{"/usr/local/bin": true, "/usr/bin": true, "/etc": true, "/usr/lib/systemd": true, "/opt": true, "/var/lib": true, "/var/log": true, "/usr/local": true}
	for name, m := range models(t) {
		folders := map[string]bool{}
		for _, r := range desired.For(m, 0).Resources {
			for _, f := range r.Files {
				if f.Note == "" {
					t.Errorf("%s: %s has no note", name, f.Path)
				}
				if f.Mode&fs.ModeDir == 0 && len(f.Readers) == 0 {
					t.Errorf("%s: nobody reads %s", name, f.Path)
				}
			}
			for _, p := range r.Paths() {
				if parent := path.Dir(p); !folders[parent] && !given[parent] {
					t.Errorf("%s: %s is written before its folder %s", name, p, parent)
				}
				for _, f := range r.Files {
					if f.Path == p && f.Mode&fs.ModeDir != 0 {
						folders[p] = true
					}
				}
			}
		}
	}
}

// With IPv6 the kernel forwards it, and the bridge shows it to the packet filter,
// also where the API server has an IPv4 address; URLs have brackets.
func TestIPv6(t *testing.T) {
	facts := models(t)["hardened"].Hosts[0].Facts
	facts.BridgeNetfilter = true
	for name, o := range map[string]cluster.Options{
		"dual": {PodSubnet: "10.244.0.0/16,fd00:1::/56", ServiceSubnet: "10.96.0.0/12,fd00:2::/112"},
		"ipv6": {AdvertiseAddress: "2001:db8::7"},
	} {
		o.Facts = facts
		m, err := cluster.New(o)
		if err != nil {
			t.Fatal(err)
		}
		set := map[string]bool{}
		for _, r := range desired.For(m, 0).Resources {
			for _, s := range r.Sysctls {
				set[s.Name] = true
			}
			if r.Wait == nil || !strings.Contains(r.Wait.Target, "://") {
				continue
			}
			if u, err := url.Parse(strings.Fields(r.Wait.Target)[0]); err != nil || u.Port() == "" {
				t.Errorf("%s: %s waits for %q, which is no URL with a port: %v", name, r.ID, r.Wait.Target, err)
			}
		}
		if !set["net.ipv6.conf.all.forwarding"] || !set["net.bridge.bridge-nf-call-ip6tables"] {
			t.Errorf("%s sets %v", name, set)
		}
	}
}

func TestInventory(t *testing.T) {
	m := models(t)["hardened"]
	images := "ghcr.io/flannel-io/flannel:v0.26.7 registry.k8s.io/coredns/coredns:v1.14.6 registry.k8s.io/etcd:3.7.3-0 " +
		"registry.k8s.io/kube-apiserver:v1.37.0 registry.k8s.io/kube-controller-manager:v1.37.0 registry.k8s.io/kube-proxy:v1.37.0 " +
		"registry.k8s.io/kube-scheduler:v1.37.0 registry.k8s.io/pause:3.10.2"
	if got := strings.Join(desired.Images(m), " "); got != images {
		t.Errorf("images:\n%s, want\n%s", got, images)
	}
	binaries := "bandwidth bridge containerd containerd-shim-runc-v2 crictl flannel host-local keelway kubelet loopback portmap runc"
	if got := strings.Join(desired.Binaries(m), " "); got != binaries {
		t.Errorf("binaries:\n%s, want\n%s", got, binaries)
	}
}
