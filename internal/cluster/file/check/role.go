package check

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/config"
)

// roles checks that the hosts together can be a cluster.
func (l *list) roles(c file.Cluster) {
	for i, h := range c.Spec.Hosts {
		seen := map[file.Role]bool{}
		for n, r := range h.Roles {
			if seen[r] {
				l.refuse(fmt.Sprintf("%s[%d]", at(i, "roles"), n), "keep one", "%s is there twice", r)
			}
			seen[r] = true
		}
		if len(h.Roles) == 0 {
			l.refuse(at(i, "roles"), "choose one or more of "+strings.Join(roleNames(), ", "), "%s has no role", h.Name)
		}
		if h.Is(file.EtcdMember) && !h.Is(file.ControlPlane) && c.Spec.Etcd.Topology == file.Stacked {
			l.refuse(at(i, "roles"), "set spec.etcd.topology: external, or make it a control plane", "%s has the role etcd and is no control plane, where stacked members run", h.Name)
		}
	}
	planes := len(c.With(file.ControlPlane))
	if len(c.Spec.Hosts) > 0 && planes == 0 {
		l.refuse("spec.hosts", "give one host, or three, the role controlplane", "none of them is a control plane")
	}
	if len(c.With(file.Worker)) == 0 && planes > 0 {
		l.warn("spec.hosts", "add a worker, or give a control plane the role worker as well", "there is no worker: ordinary pods have no place to run")
	}
}

func roleNames() []string {
	return []string{string(file.ControlPlane), string(file.Worker), string(file.EtcdMember), string(file.LoadBalancer)}
}

// balancing checks what stands in front of the API servers.
func (l *list) balancing(c file.Cluster) {
	const endpoint, kind = "spec.endpoint", "spec.loadBalancing.kind"
	s := c.Spec
	planes, balancers := len(c.With(file.ControlPlane)), c.With(file.LoadBalancer)
	if s.Endpoint != "" {
		l.endpoint(endpoint, s.Endpoint)
	}
	if p := s.LoadBalancing.Port; p < 1 || p > 65535 {
		l.refuse("spec.loadBalancing.port", "", "%d is not a port, which is 1 to 65535", p)
	}
	switch s.LoadBalancing.Kind {
	case file.NoBalancing:
		if planes > 1 {
			l.refuse(kind, "choose node, haproxy or external", "with none, nothing leads clients from one of %d control planes to another", planes)
		}
	case file.ExternalBalancing:
		if s.Endpoint == "" {
			l.refuse(endpoint, "write the load balancer's address, or set "+kind+": node", "it is needed: with an external load balancer only you know where it is")
		}
		l.ownEndpoint(c)
	case file.HAProxy:
		if len(balancers) == 0 {
			l.refuse(kind, "give a host the role loadbalancer, or choose node or external", "haproxy runs on hosts with the role loadbalancer, and there is none")
		}
		if len(balancers) > 1 && s.Endpoint == "" {
			l.refuse(endpoint, "write a DNS name or virtual address that leads to them", "it is needed with %d load balancers: clients know one endpoint", len(balancers))
		}
		if _, port, err := net.SplitHostPort(s.Endpoint); err == nil && port != strconv.Itoa(int(s.LoadBalancing.Port)) && len(balancers) == 1 && strings.HasPrefix(s.Endpoint, balancers[0].NodeAddress+":") {
			l.refuse("spec.loadBalancing.port", "write the same port twice, or once", "the load balancer listens at %d, and the endpoint says %s", s.LoadBalancing.Port, port)
		}
		for i, h := range s.Hosts {
			if h.Is(file.LoadBalancer) && h.Is(file.ControlPlane) && s.LoadBalancing.Port == config.DefaultBindPort {
				l.refuse(at(i, "roles"), "set spec.loadBalancing.port to another, or give the load balancer a host of its own", "the API server of %s already listens at port %d", h.Name, config.DefaultBindPort)
			}
		}
	case file.NodeLocal:
		if s.LoadBalancing.Port == config.DefaultBindPort {
			l.refuse("spec.loadBalancing.port", "choose another, such as 7443", "the API server listens at %d on every control plane", config.DefaultBindPort)
		}
	}
	if len(balancers) > 0 && s.LoadBalancing.Kind != file.HAProxy {
		l.refuse(kind, "choose haproxy, or take the role away", "%s has the role loadbalancer, which only haproxy uses", balancers[0].Name)
	}
}

// ownEndpoint warns where the endpoint is a control plane, which the others
// then depend on.
func (l *list) ownEndpoint(c file.Cluster) {
	host, _, err := net.SplitHostPort(c.Spec.Endpoint)
	planes := c.With(file.ControlPlane)
	if err != nil || len(planes) < 2 {
		return
	}
	for _, h := range planes {
		if h.NodeAddress == host || h.Address == host {
			l.warn("spec.endpoint", "use a load balancer or a virtual address, or leave it out: every node then has a load balancer of its own", "%s is the control plane %s: without it, no node reaches the others", host, h.Name)
		}
	}
}

// endpoint checks a host with a port.
func (l *list) endpoint(path, text string) {
	host, port, err := net.SplitHostPort(text)
	if err != nil || strings.Contains(text, "/") {
		l.refuse(path, "write host:port, such as 192.0.2.10:6443 or [2001:db8::10]:6443", "%q is not an address or a DNS name with a port", text)
		return
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		l.refuse(path, "", "%q has no port between 1 and 65535", text)
	}
	a, err := netip.ParseAddr(host)
	switch {
	case err == nil && (a.IsLoopback() || a.IsUnspecified()):
		l.refuse(path, "give one that every host can reach", "%s is another machine on every host", a)
	case err == nil:
	case strings.Trim(host, "0123456789.") == "":
		l.refuse(path, "", "%q is no IP address", host)
	default:
		for _, words := range validation.IsDNS1123Subdomain(host) {
			l.refuse(path, "", "%q: %s", host, words)
		}
	}
}
