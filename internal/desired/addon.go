package desired

import (
	"net"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired/dns"
	"keelway.dev/keelway/internal/desired/flannel"
	"keelway.dev/keelway/internal/desired/proxy"
)

// Addons is the phase of what runs in the cluster for all its nodes: the pod
// network, Services and DNS. It changes objects, and no host.
const Addons = "addon"

const (
	networkID = "addon/network-ready"
	rulesID   = "addon/service-rules"
	dnsID     = "addon/coredns"
)

func (s *story) flannel() {
	s.add(Resource{
		ID: "addon/flannel", Component: "flannel", After: []string{adminID, "images/addons"},
		What: "apply the pod network flannel",
		Why:  "It carries traffic between pods on different nodes in VXLAN packets, and writes each node's address range to a file from which the CNI plugin gives pods their addresses.",
		Objects: []Object{
			{Object: flannel.NamespaceObject(), Why: "flannel's namespace, open to privileged pods"},
			{Object: flannel.Account(), Why: "flannel's identity"},
			{Object: flannel.Role(), Why: "may read nodes and write its own address to them"},
			{Object: flannel.Binding(), Why: "flannel has that role"},
			{Object: flannel.Config(s.model), Why: "the pod range and how packets travel"},
			{Object: flannel.DaemonSet(s.model), Why: "one flannel on every node"},
		},
	})
}

func (s *story) proxy() {
	if s.model.Cluster.Proxy.Disabled {
		return
	}
	role, binding := proxy.ConfigReaders()
	s.add(Resource{
		ID: "addon/kube-proxy", Component: "kube-proxy", After: []string{adminID, "images/addons"},
		What: "apply kube-proxy",
		Why:  "A Service's address belongs to no machine: kube-proxy has the kernel of every node rewrite it to a pod's.",
		Objects: []Object{
			{Object: proxy.Config(s.model, s.host), Why: "kube-proxy's settings"},
			{Object: proxy.Account(), Why: "kube-proxy's identity"},
			{Object: proxy.Binding(), Why: "may watch Services and their endpoints"},
			{Object: role, Why: "may read the settings"},
			{Object: binding, Why: "joining machines have that role"},
			{Object: s.proxySet(), Why: "one kube-proxy on every node"},
		},
	})
}

// networkReady and serviceRules are what the first ordinary pod waits for.
func (s *story) networkReady() {
	s.add(Resource{
		ID: networkID, Component: "flannel",
		After: []string{"addon/flannel", "control-plane/controller-manager"},
		What:  "wait for the pod network",
		Why:   "A pod that starts before flannel has written this file fails, and is tried again only after a pause.",
		Wait:  &Wait{Probe: ProbeFile, Target: subnetFile, Seconds: 120},
	})
}

func (s *story) serviceRules() {
	s.add(Resource{
		ID: rulesID, Component: "kube-proxy", After: []string{"addon/kube-proxy", "control-plane/controller-manager"},
		What: "wait for kube-proxy's rules",
		Why:  "A connection that a pod opens to a Service before its rules are there is remembered by the kernel as it is, and hangs until it times out.",
		Wait: &Wait{Probe: ProbeHealth, Target: "http://" + net.JoinHostPort(s.host.Init.LocalAPIEndpoint.Loopback(), "10256") + "/healthz", Seconds: 120},
	})
}

func (s *story) dns() {
	after := []string{"addon/coredns-config", networkID, "images/addons"}
	if !s.model.Theirs.Network {
		s.networkReady()
		if !s.model.Cluster.Proxy.Disabled {
			s.serviceRules()
			after = append(after, rulesID)
		}
	}
	if s.model.Cluster.DNS.Disabled {
		return
	}
	s.add(Resource{
		ID: "addon/coredns-config", Component: "coredns", After: []string{adminID, apiID},
		What: "give CoreDNS its address, rights and settings",
		Why:  "Every pod's resolv.conf names this Service's address, so it is fixed: the tenth of the service range.",
		Objects: []Object{
			{Object: dns.Config(s.model), Why: "the Corefile"},
			{Object: dns.Role(), Why: "may watch Services, endpoints, pods and namespaces"},
			{Object: dns.Binding(), Why: "CoreDNS has that role"},
			{Object: dns.Account(), Why: "CoreDNS's identity"},
			{Object: dns.Service(s.model), Why: "the address of the cluster's DNS"},
		},
	})
	s.add(Resource{
		ID: dnsID, Component: "coredns",
		After: after,
		What:  "apply CoreDNS",
		Why:   "It answers for the names of Services and passes all others on. It is the first ordinary pod, so it is applied when the pod network is up.",
		Objects: []Object{
			{Object: s.dnsDeployment(), KeepReplicas: true, Why: "the CoreDNS pods; a number of replicas that you change is kept"},
		},
	})
}

// ready are the last waits: what a user expects to work when `up` ends.
func (s *story) ready() {
	name := s.host.Init.NodeRegistration.Name
	wait := func(id, component, what, why string, after string, probe Probe, target string) {
		s.add(Resource{
			ID: id, Component: component, After: []string{after}, What: what, Why: why,
			Wait: &Wait{Probe: probe, Target: target, Seconds: 180},
		})
	}
	wait("addon/node-ready", "kubelet", "wait for the node to be ready",
		"The scheduler places ordinary pods on ready nodes only.", "mark-control-plane/node", ProbeNodeReady, name)
	wait("addon/flannel-ready", "flannel", "wait for flannel's pod",
		"It keeps the routes to other nodes up to date.", networkID, ProbeDaemonSet, flannel.Namespace+"/kube-flannel-ds")
	if !s.model.Cluster.Proxy.Disabled {
		wait("addon/kube-proxy-ready", "kube-proxy", "wait for kube-proxy's pod",
			"Until it runs, no Service's address answers.", "addon/kube-proxy", ProbeDaemonSet, "kube-system/kube-proxy")
	}
	if !s.model.Cluster.DNS.Disabled {
		wait("addon/coredns-ready", "coredns", "wait for CoreDNS",
			"Names of Services resolve from now on.", "addon/coredns", ProbeDeployment, "kube-system/coredns")
	}
	if s.model.Profile == cluster.Hardened {
		address := s.host.Init.LocalAPIEndpoint
		address.BindPort = 10250
		wait("approver/serving-cert", "kubelet", "wait for the kubelet's serving certificate",
			"The API server checks it before it asks the kubelet for logs or exec.", "approver/service", ProbeServingCert, address.HostPort())
	}
}
