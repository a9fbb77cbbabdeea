package subject

import (
	"context"
	"net/netip"
	"strings"

	"keelway.dev/keelway/internal/preflight/survey"
)

// Port is a port that a component listens on.
type Port struct {
	Number    uint16
	Protocol  string
	Component string
	// Addresses are what it listens on; none is every address.
	Addresses []netip.Addr
	// Extra ports are not among those that kubeadm checks.
	Extra bool
}

// Ports lists what the components of the host listen on, in kubeadm's order,
// then those that kubeadm does not look at.
func (t Target) Ports() []Port {
	c := t.Model.Cluster
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if t.Advertise().Is6() {
		loopback = netip.IPv6Loopback()
	}
	tcp := func(n uint16, component string, addresses ...netip.Addr) Port {
		return Port{Number: n, Protocol: "tcp", Component: component, Addresses: addresses}
	}
	var ports []Port
	if t.ControlPlane() {
		ports = append(ports,
			tcp(uint16(t.Node().Init.LocalAPIEndpoint.BindPort), "kube-apiserver", bind(Arg(c.APIServer.ExtraArgs, "bind-address"))...),
			tcp(10259, "kube-scheduler", bind(Arg(c.Scheduler.ExtraArgs, "bind-address"), loopback)...),
			tcp(10257, "kube-controller-manager", bind(Arg(c.ControllerManager.ExtraArgs, "bind-address"), loopback)...))
	}
	kubelet, healthz := uint16(10250), uint16(10248)
	if n := t.Model.Kubelet.Port; n != 0 {
		kubelet = uint16(n)
	}
	if n := t.Model.Kubelet.HealthzPort; n != nil {
		healthz = uint16(*n)
	}
	if !t.Alone() {
		ports = append(ports, tcp(kubelet, "kubelet"))
	}
	var extra []Port
	if t.Etcd() {
		ports = append(ports,
			tcp(2379, "etcd", t.Advertise(), loopback),
			tcp(2380, "etcd", t.Advertise()))
		extra = append(extra, tcp(2381, "etcd", loopback))
	}
	extra = append(extra, tcp(healthz, "kubelet", loopback))
	if !c.Proxy.Disabled && !t.Alone() {
		extra = append(extra, tcp(10256, "kube-proxy"), tcp(10249, "kube-proxy", loopback))
	}
	if !t.Alone() {
		extra = append(extra, Port{Number: 8472, Protocol: "udp", Component: "flannel"})
	}
	for _, p := range extra {
		p.Extra = true
		ports = append(ports, p)
	}
	return ports
}

// bind parses a bind address; the unspecified one means every address.
func bind(text string, fallback ...netip.Addr) []netip.Addr {
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return fallback
	case a.IsUnspecified():
		return nil
	}
	return []netip.Addr{a}
}

// Clashes is true when the component could not listen beside the listener.
func (p Port) Clashes(l survey.Listener) bool {
	if l.Protocol != p.Protocol || l.Address.Port() != p.Number {
		return false
	}
	other := l.Address.Addr()
	if len(p.Addresses) == 0 || other.IsUnspecified() {
		return true
	}
	for _, a := range p.Addresses {
		if a == other {
			return true
		}
	}
	return false
}

// Component says whether a process is that component of this very cluster: it
// has its name, and its flags name a folder of the cluster. Another cluster on
// the same machine would use other folders; one that uses the same has its
// manifests looked at by another check.
func (s *Subject) Component(p survey.Process, name string) bool {
	if p.Name() != name {
		return false
	}
	flags := strings.Join(p.Argv, "\x00")
	for _, folder := range []string{s.Model.Cluster.CertificatesDir + "/", "/etc/kubernetes/", "/var/lib/kube-proxy/", "/var/lib/kubelet/"} {
		if strings.Contains(flags, folder) {
			return true
		}
	}
	return false
}

// Runs is true when that component of this cluster is a running process.
func (s *Subject) Runs(ctx context.Context, component string) (bool, error) {
	some, err := s.Named(ctx, component)
	for _, p := range some {
		if s.Component(p, component) {
			return true, err
		}
	}
	return false, err
}
