package desired

import (
	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired/haproxy"
)

const (
	balancerConfigID = "load-balancer/config"
	balancerPodID    = "load-balancer/pod"
	balancerReadyID  = "load-balancer/ready"
)

// balancer is a node's own load balancer: there before the kubelet starts,
// which reaches the API by it on a worker. folder is the resource that makes the
// folder of static pods, ca the one that writes the cluster's authority.
func (s *story) balancer(folder, ca string) {
	if !s.hasBalancer() {
		return
	}
	b := s.model.Balancer
	s.add(Resource{
		ID: balancerConfigID, Component: "haproxy", After: []string{folder},
		What: "configure this node's load balancer",
		Why:  "The cluster's endpoint is an address of the node itself: HAProxy passes what comes there on to a control plane that says it is ready, so that the node lives on when one is lost.",
		Files: []File{
			dir(haproxy.Dir, 0o755, false, "the load balancer's configuration", "haproxy"),
			s.alike(haproxy.ConfigFile, func() []byte { return haproxy.Config(b, s.caPath()) }, "where to listen, all control planes, and how to tell that one is ready", "haproxy"),
		},
	})
	pod := s.alike(manifests+haproxy.Name+".yaml", func() []byte { return s.manifest(haproxy.Pod(s.model, s.caPath()), "").Content },
		"HAProxy on this node's own address", "kubelet")
	pod.Mode = 0o600
	s.add(Resource{
		ID: balancerPodID, Component: "haproxy", After: []string{balancerConfigID, ca},
		What:  "write the load balancer's static pod",
		Why:   "The kubelet starts it from its file before it knows the API, which it reaches by it. A hash of the configuration is in it: with another one it is started anew.",
		Files: []File{pod},
	})
}

// balancerReady waits until the API answers by the load balancer. On the first
// control plane that is after its own API server answers.
func (s *story) balancerReady(after string) {
	if !s.hasBalancer() {
		return
	}
	b := s.model.Balancer
	s.add(Resource{
		ID: balancerReadyID, Component: "haproxy", After: []string{balancerPodID, after},
		What: "wait for the API at the load balancer",
		Why:  "Everything on this node that names the cluster's endpoint reaches the API by it.",
		Wait: &Wait{Probe: ProbeHealth, Target: "https://" + haproxy.Endpoint(b) + "/readyz", Seconds: 180},
	})
}

// Balance is what the model's host of that index must hold when it is a load
// balancer and no node.
func Balance(m *cluster.Model, index int) Host {
	s := &story{model: m, host: m.Hosts[index]}
	s.balancerHost()
	return Host{Name: s.host.Init.NodeRegistration.Name, Resources: s.resources}
}

// balancerHost is a load balancer for all: a service, which needs no kubelet
// and no container runtime. It stands on nothing of the cluster, because the
// first control plane's own pods reach the API by it already.
func (s *story) balancerHost() {
	b := s.model.Balancer
	if !b.Present() || b.Local || !s.host.Has(cluster.LoadBalancer) {
		return
	}
	tar := File{Path: haproxy.Tar, Mode: 0o644, Binary: haproxy.TarName, Note: "HAProxy and its libraries, Debian's packages", Readers: []string{haproxy.Name}}
	s.add(Resource{
		ID: "load-balancer/program", Component: "haproxy", After: none(),
		What:  "install HAProxy",
		Why:   "It comes from the bundle with all that it needs, in one file: the machine needs no network and no package.",
		Files: []File{dir(haproxy.TarDir, 0o755, false, "the load balancer's program"), tar, dir(haproxy.Root, 0o755, false, "where it is unpacked at every start", haproxy.Name)},
	})
	s.add(Resource{
		ID: "load-balancer/settings", Component: "haproxy", After: none(),
		What: "configure the load balancer",
		Why:  "It passes connections on to a control plane that says it is ready, and to no other.",
		Files: []File{
			dir(haproxy.HostDir, 0o755, false, "the load balancer's configuration", "haproxy"),
			text(haproxy.HostConfig, haproxy.Config(b, ""), "where to listen, all control planes, and how to tell that one is ready", "haproxy"),
			dir("/usr/lib/systemd/system", 0o755, true, "unit files of packages"),
			text(haproxy.UnitFile, haproxy.Unit(), "how to keep the load balancer running", "systemd"),
		},
	})
	s.add(Resource{
		ID: "load-balancer/service", Component: "haproxy", After: []string{"load-balancer/program", "load-balancer/settings"},
		What:    "start the load balancer",
		Why:     "All that names the cluster's endpoint reaches the API by it. It is started anew when the control planes change.",
		Service: &Service{Name: haproxy.Name, Reads: []string{haproxy.HostConfig, haproxy.UnitFile, haproxy.Tar}},
	})
}

// hasBalancer is true where each node has a load balancer for itself.
func (s *story) hasBalancer() bool {
	return s.model.Balancer.Present() && s.model.Balancer.Local
}
