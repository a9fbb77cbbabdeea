package desired

import (
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
			text(haproxy.ConfigFile, haproxy.Config(b, s.caPath()), "where to listen, all control planes, and how to tell that one is ready", "haproxy"),
		},
	})
	s.add(Resource{
		ID: balancerPodID, Component: "haproxy", After: []string{balancerConfigID, ca},
		What:  "write the load balancer's static pod",
		Why:   "The kubelet starts it from its file before it knows the API, which it reaches by it. A hash of the configuration is in it: with another one it is started anew.",
		Files: []File{s.manifest(haproxy.Pod(s.model, s.caPath()), "HAProxy on this node's own address")},
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

// hasBalancer is true where each node has a load balancer for itself.
func (s *story) hasBalancer() bool {
	return s.model.Balancer.Present() && s.model.Balancer.Local
}
