package desired

import (
	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired/access"
)

// bootstrap is the file with which the kubelet asks for its first certificate.
func (s *story) bootstrap(kubeconfig []byte) {
	s.add(Resource{
		ID: bootstrapID, Component: "kubelet", After: []string{"kubelet-start/folder"},
		What:      "write the kubeconfig with which the kubelet asks for its certificate",
		Why:       "Its token is good for one thing: asking. The key that the certificate is for never leaves this machine.",
		Bootstrap: &Bootstrap{Path: bootstrapConf, Until: s.identity(), Content: kubeconfig},
	})
}

// identity is what the kubelet logs in with. It writes kubelet.conf before it has
// the certificate that is named there.
func (s *story) identity() []string { return []string{kubeletConf, s.clientFile()} }

func (s *story) waitBootstrap() {
	after := []string{"kubelet-start/kubelet", balancerReadyID}
	if s.host.Has(cluster.ControlPlane) {
		after = append(after, "control-plane/apiserver")
	}
	s.add(Resource{
		ID: waitBootstrapID, Component: "kubelet", After: after,
		What: "wait for the kubelet's certificate",
		Why:  "The cluster approves the request by itself, and its controller manager signs it.",
		Wait: &Wait{Probe: ProbeFile, Target: s.clientFile(), Seconds: int(s.host.Init.Timeouts.TLSBootstrap.Seconds())},
	})
	s.add(Resource{
		ID: "kubelet-wait-bootstrap/token", Component: "kubelet", After: []string{waitBootstrapID},
		What:      "remove the kubeconfig with the token",
		Why:       "It has done its work; the kubelet renews its certificate with the certificate itself.",
		Bootstrap: &Bootstrap{Path: bootstrapConf, Until: s.identity(), Remove: true},
	})
}

// registered waits for a worker's Node.
func (s *story) registered() {
	s.add(Resource{
		ID: registeredID, Component: "kubelet", After: []string{"kubelet-wait-bootstrap/token", "kubelet-start/kubelet"},
		What: "wait for the kubelet to register the node",
		Why:  "The scheduler places pods on nodes that it knows.",
		Wait: &Wait{Probe: ProbeNode, Target: s.host.Init.NodeRegistration.Name, Seconds: 120},
	})
}

// markWorker gives a worker's Node the labels and taints of the cluster file.
func (s *story) markWorker() {
	if len(s.host.Labels) == 0 && !s.host.Marked {
		return
	}
	s.add(Resource{
		ID: "kubelet-wait-bootstrap/labels", Component: "kubelet", After: []string{registeredID},
		What:    "set the node's labels and taints",
		Why:     "Pods choose nodes by labels, and spread over zones by one of them; taints keep pods off. What the cluster file gave before and no longer names is taken off.",
		Objects: []Object{{Object: access.Node(s.host), Why: "the labels and taints of the cluster file"}},
	})
}

// podsStart waits for flannel's pod on a machine: the node is ready before, by the
// CNI configuration that is there already, and takes pods.
func (s *story) podsStart() {
	s.add(Resource{
		ID: podsID, Component: "flannel",
		After: []string{registeredID, "mark-control-plane/registered"},
		What:  "wait for the pod network on this machine",
		Why:   "A pod that starts before flannel has written this file fails, and is tried again only after a pause.",
		Wait:  &Wait{Probe: ProbeFile, Target: subnetFile, Seconds: 180},
	})
}
