package check

import (
	"fmt"
	"net/netip"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/config"
)

// ranges checks the cluster's ranges against the hosts'. That they are ranges,
// large enough and apart from each other is for kubeadm's rules to find.
func (l *list) ranges(c file.Cluster) {
	n := c.Spec.Network
	pods, services := l.single("spec.network.pods", n.Pods), l.single("spec.network.services", n.Services)
	var nodes []netip.Prefix
	for i, text := range n.Nodes {
		path := fmt.Sprintf("spec.network.nodes[%d]", i)
		p, err := netip.ParsePrefix(text)
		if err != nil {
			l.refuse(path, "write a CIDR such as 192.0.2.0/24", "%q is none", text)
			continue
		}
		nodes = append(nodes, p)
		for _, r := range []struct {
			words string
			of    netip.Prefix
		}{{"pod", pods}, {"service", services}} {
			if r.of.IsValid() && r.of.Overlaps(p) {
				l.refuse(path, "choose another "+r.words+" range", "the hosts' network %s and the %s range %s overlap", p, r.words, r.of)
			}
		}
	}
	for i, h := range c.Spec.Hosts {
		a, err := netip.ParseAddr(h.NodeAddress)
		if err != nil {
			continue
		}
		field := at(i, "nodeAddress")
		if h.NodeAddress == h.Address {
			field = at(i, "address")
		}
		l.inside(field, a, pods, "pod")
		l.inside(field, a, services, "service")
		if pods.IsValid() && a.Is4() != pods.Addr().Is4() && h.IsNode() {
			l.refuse(field, "use one family of addresses for both", "%s is of another family than the pod range %s", a, pods)
		}
		within := len(nodes) == 0
		for _, p := range nodes {
			within = within || p.Contains(a)
		}
		if !within && len(nodes) == len(n.Nodes) {
			l.refuse(field, "correct the address, or add its network to spec.network.nodes", "%s lies in none of the hosts' networks", a)
		}
	}
	if pods.IsValid() && services.IsValid() && pods.Addr().Is4() != services.Addr().Is4() {
		l.refuse("spec.network.services", "use one family for both", "%s is of another family than the pod range %s", services, pods)
	}
}

// inside refuses an address that a cluster's range would take away from its
// host: kube-proxy drops traffic to unused addresses of Services, and the pod
// network routes its range elsewhere.
func (l *list) inside(path string, a netip.Addr, r netip.Prefix, words string) {
	if r.IsValid() && r.Contains(a) {
		l.refuse(path, "choose another "+words+" range", "%s lies in the cluster's %s range %s", a, words, r)
	}
}

// single is a range, invalid where the text is none: kubeadm's rules say why.
func (l *list) single(path, text string) netip.Prefix {
	ranges, err := config.Subnets(text)
	if err != nil {
		return netip.Prefix{}
	}
	if len(ranges) > 1 {
		l.notYetAt(path, "IPv4 and IPv6 side by side", "give one range")
	}
	return ranges[0]
}
