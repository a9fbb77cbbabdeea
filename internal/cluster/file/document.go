package file

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	kubeproxy "k8s.io/kube-proxy/config/v1alpha1"
	kubelet "k8s.io/kubelet/config/v1beta1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/release"
)

// ZoneLabel is the node's label for the zone of its host.
const ZoneLabel = corev1.LabelTopologyZone

// Documents is the cluster in kubeadm's own words. Nothing of the profile is in
// it, and nothing that depends on what a machine is: the model adds both.
type Documents struct {
	Cluster config.ClusterConfiguration
	// Kubelet and Proxy are nil where the file has none.
	Kubelet *kubelet.KubeletConfiguration
	Proxy   *kubeproxy.KubeProxyConfiguration
	// Nodes are the control planes and workers, in the file's order.
	Nodes []Node
	// Balancers are the hosts that are load balancers and no nodes.
	Balancers []Node
	// Members are the hosts that etcd has for itself, and Etcd is what Cluster
	// says of etcd, as they see it.
	Members []Node
	Etcd    config.Etcd
	// Balancer is what Keelway puts in front of the API servers, if anything.
	Balancer cluster.Balancer
	// Registries is how the hosts' runtimes reach registries.
	Registries cluster.Registries
}

// Node is one host that becomes a node.
type Node struct {
	Host Host
	// Init is the host's registration. Its localAPIEndpoint has the host's
	// address on a worker too; it has no bootstrap token.
	Init config.InitConfiguration
	// Roles are those of the model.
	Roles []cluster.Role
	// Labels are the node's, the zone among them.
	Labels map[string]string
}

// Documents makes kubeadm's documents from a cluster file that was defaulted
// and checked.
func (c Cluster) Documents() (Documents, error) {
	d := Documents{Cluster: c.configuration(), Etcd: config.Etcd{Local: c.local()}, Registries: c.registries()}
	if raw := c.Spec.Kubelet.Config; raw != nil {
		d.Kubelet = &kubelet.KubeletConfiguration{}
		if err := json.Unmarshal(raw, d.Kubelet); err != nil {
			return d, fmt.Errorf("spec.kubelet.config: %w", err)
		}
	}
	if raw := c.Spec.KubeProxy.Config; raw != nil {
		d.Proxy = &kubeproxy.KubeProxyConfiguration{}
		if err := json.Unmarshal(raw, d.Proxy); err != nil {
			return d, fmt.Errorf("spec.kubeProxy.config: %w", err)
		}
	}
	for _, h := range c.Spec.Hosts {
		if h.IsNode() {
			d.Nodes = append(d.Nodes, c.node(h))
		} else if h.Is(LoadBalancer) {
			h.NodeName = h.Name
			d.Balancers = append(d.Balancers, c.node(h))
		} else if h.Is(EtcdMember) {
			h.NodeName = h.Name
			d.Members = append(d.Members, c.node(h))
		}
	}
	d.Balancer = c.balancer(d.Nodes)
	return d, nil
}

// balancer has all control planes behind it.
func (c Cluster) balancer(nodes []Node) cluster.Balancer {
	b := cluster.Balancer{Port: c.Spec.LoadBalancing.Port}
	switch c.Spec.LoadBalancing.Kind {
	case NodeLocal:
		b.Local, b.Address = true, c.loopback()
	case HAProxy:
	default:
		return cluster.Balancer{}
	}
	for _, n := range nodes {
		if n.Host.Is(ControlPlane) {
			b.Backends = append(b.Backends, cluster.Backend{Name: n.Host.Name, Address: n.Init.LocalAPIEndpoint.HostPort()})
		}
	}
	return b
}

func (c Cluster) configuration() config.ClusterConfiguration {
	s := c.Spec
	d := config.ClusterConfiguration{
		ClusterName:          c.Metadata.Name,
		KubernetesVersion:    s.KubernetesVersion,
		ControlPlaneEndpoint: c.ControlPlaneEndpoint(),
		ImageRepository:      s.ImageRepository,
		Networking:           config.Networking{PodSubnet: s.Network.Pods, ServiceSubnet: s.Network.Services, DNSDomain: s.Network.DNSDomain},
		APIServer:            config.APIServer{ControlPlaneComponent: s.APIServer.kubeadm(), CertSANs: c.sans()},
		ControllerManager:    s.ControllerManager.kubeadm(),
		Scheduler:            s.Scheduler.kubeadm(),

		EncryptionAlgorithm:         s.Certificates.Algorithm,
		CertificateValidityPeriod:   s.Certificates.Validity,
		CACertificateValidityPeriod: s.Certificates.CAValidity,
	}
	// The profile's own limits come first, and these replace them.
	for _, limit := range []struct {
		flag        string
		value, from int32
	}{{"audit-log-maxage", s.Audit.MaxAge, 30}, {"audit-log-maxbackup", s.Audit.MaxBackups, 10}, {"audit-log-maxsize", s.Audit.MaxSize, 100}} {
		if limit.value != 0 && limit.value != limit.from {
			d.APIServer.ExtraArgs = append(d.APIServer.ExtraArgs, config.Arg{Name: limit.flag, Value: strconv.Itoa(int(limit.value))})
		}
	}
	if e := s.Etcd.External; e != nil {
		d.Etcd.External = &config.ExternalEtcd{Endpoints: slices.Clone(e.Endpoints), CAFile: e.CAFile, CertFile: e.CertFile, KeyFile: e.KeyFile}
	} else if c.OwnEtcd() {
		d.Etcd.External = c.ownEtcd()
	} else {
		d.Etcd.Local = c.local()
	}
	// The tags are those of the bundle, as `up` names them.
	if r, err := release.For(s.KubernetesVersion); err == nil {
		d.DNS.ImageTag = cluster.DNSTag(r)
	}
	config.DefaultCluster(&d)
	return d
}

func (p Component) kubeadm() config.ControlPlaneComponent {
	return config.ControlPlaneComponent{ExtraArgs: slices.Clone(p.ExtraArgs), ExtraVolumes: slices.Clone(p.ExtraVolumes), ExtraEnvs: slices.Clone(p.ExtraEnvs)}
}

// ControlPlaneEndpoint is kubeadm's controlPlaneEndpoint: the endpoint, or else
// the load balancer that every host has for itself.
func (c Cluster) ControlPlaneEndpoint() string {
	if b := c.Spec.LoadBalancing; c.Spec.Endpoint == "" && b.Kind == NodeLocal {
		return net.JoinHostPort(c.loopback(), strconv.Itoa(int(b.Port)))
	}
	return c.Spec.Endpoint
}

// loopback is of the family of the hosts' addresses.
func (c Cluster) loopback() string {
	for _, h := range c.Spec.Hosts {
		if a, err := netip.ParseAddr(h.NodeAddress); err == nil && a.Is6() {
			return "::1"
		}
	}
	return "127.0.0.1"
}

// sans are the names of the API server beyond those that kubeadm adds: clients
// may come by any of the load balancers.
func (c Cluster) sans() []string {
	names := slices.Clone(c.Spec.Certificates.ExtraSANs)
	add := func(name string) {
		if _, err := netip.ParseAddr(name); err == nil && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if c.Spec.LoadBalancing.Kind == NodeLocal {
		add(c.loopback())
	}
	for _, h := range c.With(LoadBalancer) {
		add(h.NodeAddress)
	}
	return names
}

func (c Cluster) node(h Host) Node {
	n := Node{Host: h, Labels: maps.Clone(h.Labels)}
	if h.Zone != "" {
		if n.Labels == nil {
			n.Labels = map[string]string{}
		}
		n.Labels[ZoneLabel] = h.Zone
	}
	taints := slices.Clone(h.Taints)
	if h.Is(ControlPlane) {
		n.Roles = append(n.Roles, cluster.ControlPlane)
		if !h.Is(Worker) {
			taints = append(taints, cluster.ControlPlaneTaint())
		}
	}
	if h.Is(Worker) {
		n.Roles = append(n.Roles, cluster.Worker)
	}
	if h.Is(LoadBalancer) {
		n.Roles = append(n.Roles, cluster.LoadBalancer)
	}
	if h.Is(EtcdMember) && !h.IsNode() {
		n.Roles = append(n.Roles, cluster.EtcdMember)
	}
	if taints == nil {
		taints = []corev1.Taint{} // none, where nil would be kubeadm's own
	}
	n.Init = config.InitConfiguration{
		LocalAPIEndpoint: config.APIEndpoint{AdvertiseAddress: h.NodeAddress},
		NodeRegistration: config.NodeRegistrationOptions{
			Name: h.NodeName, CRISocket: config.DefaultCRISocket, Taints: taints, KubeletExtraArgs: c.kubeletArgs(h),
		},
	}
	if dir := c.Spec.Patches.Directory; dir != "" {
		n.Init.Patches = &config.Patches{Directory: dir}
	}
	config.DefaultInit(&n.Init)
	n.Init.BootstrapTokens = nil
	return n
}

// kubeletArgs are the cluster's flags, those of the host in their place, and
// the address that the other hosts reach it by: a kubelet on several networks
// would otherwise choose by the default route.
func (c Cluster) kubeletArgs(h Host) []config.Arg {
	own := func(name string) bool {
		return slices.ContainsFunc(h.Kubelet.ExtraArgs, func(a config.Arg) bool { return a.Name == name })
	}
	var args []config.Arg
	if !own("node-ip") {
		address := h.NodeAddress
		if h.SecondAddress != "" {
			address += "," + h.SecondAddress
		}
		args = append(args, config.Arg{Name: "node-ip", Value: address})
	}
	for _, a := range c.Spec.Kubelet.ExtraArgs {
		if !own(a.Name) {
			args = append(args, a)
		}
	}
	return append(args, h.Kubelet.ExtraArgs...)
}
