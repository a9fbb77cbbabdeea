package desired_test

import (
	"slices"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/phase"
)

// balanced is a host of a cluster whose nodes each have a load balancer.
func balanced(t *testing.T, roles ...cluster.Role) *cluster.Model {
	t.Helper()
	m, err := cluster.New(cluster.Options{Facts: machine(), ControlPlaneEndpoint: "127.0.0.1:7443"})
	if err != nil {
		t.Fatal(err)
	}
	m.Hosts[0].Roles = roles
	m.Balancer = cluster.Balancer{Local: true, Address: "127.0.0.1", Port: 7443, Backends: []cluster.Backend{
		{Name: "cp1", Address: "192.0.2.1:6443"}, {Name: "cp2", Address: "192.0.2.2:6443"},
	}}
	return m
}

// reach tells whether a resource stands on another, however far.
func reach(h desired.Host, from, to string) bool {
	i := slices.IndexFunc(h.Resources, func(r desired.Resource) bool { return r.ID == from })
	return i >= 0 && slices.ContainsFunc(h.Resources[i].After, func(id string) bool { return id == to || reach(h, id, to) })
}

func TestBalancerIsThereFirst(t *testing.T) {
	join, err := phase.Select(phase.Join(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	joining := func(roles ...cluster.Role) desired.Host {
		h, err := desired.Join(balanced(t, roles...), 0, desired.JoinOptions{
			Run: join, CA: []byte("ca"), Bootstrap: []byte("token"), Shared: map[string][]byte{"ca.crt": []byte("ca")},
		})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	rows := []struct {
		name string
		host desired.Host
		// order lists what stands on what.
		order [][2]string
	}{
		{"the first control plane", desired.For(balanced(t, cluster.ControlPlane), 0), [][2]string{
			{"load-balancer/pod", "certs/ca"}, {"load-balancer/ready", "wait-control-plane/kube-apiserver"},
		}},
		{"one more control plane", joining(cluster.ControlPlane), [][2]string{
			{"load-balancer/pod", "control-plane-prepare/download-certs"}, {"load-balancer/ready", "kubelet-start/kubelet"},
		}},
		{"a worker", joining(cluster.Worker), [][2]string{
			{"load-balancer/pod", "kubelet-start/ca"}, {"kubelet-wait-bootstrap/kubeconfig", "load-balancer/ready"}, {"kubelet-start/kubelet", "images/node"},
		}},
	}
	for _, row := range rows {
		for _, o := range append(row.order, [2]string{"load-balancer/pod", "load-balancer/config"}, [2]string{"kubelet-start/kubelet", "load-balancer/pod"}) {
			if !reach(row.host, o[0], o[1]) {
				t.Errorf("%s: %s does not stand on %s", row.name, o[0], o[1])
			}
		}
		image := slices.ContainsFunc(row.host.Resources, func(r desired.Resource) bool {
			return slices.ContainsFunc(r.Images, func(i desired.Image) bool { return strings.Contains(i.Reference, "haproxy") })
		})
		if !image {
			t.Errorf("%s: no image of HAProxy is imported", row.name)
		}
	}
}

// TestBalancerHost has a service and nothing of a node.
func TestBalancerHost(t *testing.T) {
	m := balanced(t, cluster.LoadBalancer)
	m.Balancer.Local, m.Balancer.Address = false, ""
	h := desired.Balance(m, 0)
	services := 0
	for _, r := range h.Resources {
		if r.Component != "haproxy" || r.Phase != "load-balancer" || len(r.Images) > 0 {
			t.Errorf("%s of %s is there", r.ID, r.Component)
		}
		if r.Service != nil {
			services++
		}
	}
	if services != 1 || !slices.Contains(desired.Binaries(m), "haproxy.tar") {
		t.Errorf("%d services; the programs are %v", services, desired.Binaries(m))
	}
	m.Hosts[0].Roles = []cluster.Role{cluster.Worker}
	if left := desired.Balance(m, 0).Resources; len(left) > 0 || slices.Contains(desired.Binaries(m), "haproxy.tar") {
		t.Errorf("a worker is a load balancer: %v", left)
	}
}

// TestNoBalancer has nothing of it where none is wanted on nodes.
func TestNoBalancer(t *testing.T) {
	has := func(m *cluster.Model) bool {
		return slices.ContainsFunc(desired.Images(m), func(i string) bool { return strings.Contains(i, "haproxy") }) ||
			slices.ContainsFunc(desired.For(m, 0).Resources, func(r desired.Resource) bool { return r.Component == "haproxy" })
	}
	m := balanced(t, cluster.ControlPlane)
	if !has(m) {
		t.Error("a node's own load balancer is not there")
	}
	m.Balancer.Local = false
	if has(m) {
		t.Error("a load balancer on a machine of its own is on the node too")
	}
	m.Balancer = cluster.Balancer{}
	if has(m) {
		t.Error("no load balancer is wanted, and one is there")
	}
}
