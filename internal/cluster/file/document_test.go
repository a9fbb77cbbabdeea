package file_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/cluster/file/load"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/check"
)

var update = flag.Bool("update", false, "write the golden files anew")

func read(t *testing.T, name string) file.Cluster {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	l, err := load.Read(name, text, load.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l.Cluster
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is another (go test -update writes it):\n%s", name, got)
	}
}

// TestDocuments holds what becomes kubeadm's own configuration, for a small
// file and for one that says nearly everything. kubeadm's rules accept it.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"small", "full", "etcd", "apart"} {
		d, err := read(t, name+".yaml").Documents()
		if err != nil {
			t.Fatal(err)
		}
		parts := [][]byte{config.Marshal(d.Cluster)}
		if d.Kubelet != nil {
			parts = append(parts, config.Marshal(map[string]any{"maxPods": d.Kubelet.MaxPods, "failSwapOn": d.Kubelet.FailSwapOn}))
		}
		if d.Proxy != nil {
			parts = append(parts, config.Marshal(map[string]any{"mode": d.Proxy.Mode}))
		}
		for _, n := range d.Nodes {
			n.Init.Timeouts = nil // kubeadm's, which other tests hold
			parts = append(parts, config.Marshal(map[string]any{"host": n.Host.Name, "roles": n.Roles, "labels": n.Labels, "init": n.Init}))
		}
		for _, n := range d.Members {
			parts = append(parts, config.Marshal(map[string]any{"host": n.Host.Name, "roles": n.Roles, "address": n.Init.LocalAPIEndpoint.AdvertiseAddress, "etcd": d.Etcd}))
		}
		golden(t, name+".documents.yaml", bytes.Join(parts, []byte("---\n")))
		if problems := check.Cluster(&d.Cluster); len(problems) > 0 {
			t.Errorf("%s: kubeadm's rules refuse the documents: %v", name, problems)
		}
	}
}

// TestDefault: what is shown has every default, is a cluster file again, and
// means the same.
func TestDefault(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"small", "full", "etcd", "apart"} {
		shown := config.Marshal(read(t, name+".yaml"))
		golden(t, name+".shown.yaml", shown)
		l, err := load.Read("again", shown, load.Options{})
		if err != nil {
			t.Errorf("%s: what is shown is refused: %v", name, err)
		} else if again := config.Marshal(l.Cluster); !bytes.Equal(again, shown) {
			t.Errorf("%s: what is shown means something else:\n%s", name, again)
		}
	}
}

func TestBalancing(t *testing.T) {
	t.Parallel()
	plane := func(name, address string) file.Host {
		return file.Host{Name: name, Address: address, Roles: []file.Role{file.ControlPlane}}
	}
	one, two := plane("a", "192.0.2.1"), plane("b", "192.0.2.2")
	balancer := file.Host{Name: "lb", Address: "192.0.2.3", Roles: []file.Role{file.LoadBalancer}}
	for _, row := range []struct {
		spec           file.Spec
		kind           file.Balancing
		endpoint, name string
	}{
		{file.Spec{Hosts: []file.Host{one}}, file.NoBalancing, "", ""},
		{file.Spec{Hosts: []file.Host{one, two}}, file.NodeLocal, "", "127.0.0.1:7443"},
		{file.Spec{Hosts: []file.Host{plane("a", "2001:db8::1"), two}}, file.NodeLocal, "", "[::1]:7443"},
		{file.Spec{Hosts: []file.Host{one, two}, Endpoint: "k8s.example.com"}, file.ExternalBalancing, "k8s.example.com:6443", "k8s.example.com:6443"},
		{file.Spec{Hosts: []file.Host{one, two}, Endpoint: "[2001:db8::9]"}, file.ExternalBalancing, "[2001:db8::9]:6443", "[2001:db8::9]:6443"},
		{file.Spec{Hosts: []file.Host{one, two}, Endpoint: "k8s.example.com:443"}, file.ExternalBalancing, "k8s.example.com:443", "k8s.example.com:443"},
		{file.Spec{Hosts: []file.Host{one, two, balancer}}, file.HAProxy, "192.0.2.3:6443", "192.0.2.3:6443"},
		{file.Spec{Hosts: []file.Host{one, two, balancer}, LoadBalancing: file.LoadBalancing{Port: 443}}, file.HAProxy, "192.0.2.3:443", "192.0.2.3:443"},
		{file.Spec{Hosts: []file.Host{one, two}, Endpoint: "k8s.example.com", LoadBalancing: file.LoadBalancing{Kind: file.NodeLocal}}, file.NodeLocal, "k8s.example.com:6443", "k8s.example.com:6443"},
	} {
		c := file.Cluster{Spec: row.spec}
		file.Default(&c)
		if c.Spec.LoadBalancing.Kind != row.kind || c.Spec.Endpoint != row.endpoint || c.ControlPlaneEndpoint() != row.name {
			t.Errorf("%+v: %s at %q, called %q", row.spec, c.Spec.LoadBalancing.Kind, c.Spec.Endpoint, c.ControlPlaneEndpoint())
		}
	}
}

// TestSource: the reference and the editors' schema are made of these texts.
func TestSource(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"type Cluster struct", "type Spec struct"} {
		if !strings.Contains(file.Source, word) {
			t.Errorf("%q is not in the embedded text", word)
		}
	}
	if !strings.Contains(file.HostSource, "type Host struct") {
		t.Error("the hosts are not in the embedded text")
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	c := file.Cluster{Spec: file.Spec{Hosts: []file.Host{
		{Name: "a", Roles: []file.Role{file.ControlPlane}}, {Name: "b", Roles: []file.Role{file.EtcdMember}},
	}}}
	names := func() string {
		var list []string
		for _, h := range c.Members() {
			list = append(list, h.Name)
		}
		slices.Sort(list)
		return strings.Join(list, " ")
	}
	stacked := names()
	c.Spec.Etcd.Topology = file.External
	apart := names()
	c.Spec.Etcd.External = &file.ExternalEtcd{}
	if others := names(); stacked != "a" || apart != "b" || others != "" {
		t.Errorf("members are %q, %q, %q", stacked, apart, others)
	}
}
