package check

import (
	"fmt"
	"net/netip"
	"slices"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/config"
)

// ranges checks the cluster's ranges against the hosts'. That they are ranges,
// large enough and apart from each other is for kubeadm's rules to find.
func (l *list) ranges(c file.Cluster) {
	n := c.Spec.Network
	pods, services := subnets(n.Pods), subnets(n.Services)
	if len(pods) > 0 && len(services) > 0 {
		if pods[0].Addr().Is4() != services[0].Addr().Is4() {
			l.refuse("spec.network.services", "use one family for both", "%s is of another family than the pod range %s", services[0], pods[0])
		} else if len(pods) != len(services) {
			l.refuse("spec.network.services", "give ranges of the same families for both", "%d families have services, and %d have pods", len(services), len(pods))
		}
	}
	nodes := l.nodeNetworks(n.Nodes, pods, services)
	for i, h := range c.Spec.Hosts {
		field := at(i, "nodeAddress")
		if h.NodeAddress == h.Address {
			field = at(i, "address")
		}
		first, err := netip.ParseAddr(h.NodeAddress)
		if err != nil {
			continue
		}
		l.within(field, first, nodes, pods, services)
		if !h.IsNode() {
			continue
		}
		if len(pods) > 0 && first.Is4() != pods[0].Addr().Is4() {
			l.refuse(field, "use one family of addresses for both, or the other one first", "%s is of another family than the pod range %s", first, pods[0])
		}
		l.second(i, h, first, len(pods) > 1, func(a netip.Addr) { l.within(at(i, "secondAddress"), a, nodes, pods, services) })
	}
}

// second checks a node's address of the other family.
func (l *list) second(i int, h file.Host, first netip.Addr, both bool, rest func(netip.Addr)) {
	field := at(i, "secondAddress")
	a, err := netip.ParseAddr(h.SecondAddress)
	switch {
	case h.SecondAddress == "" && !both:
	case h.SecondAddress == "":
		l.refuse(field, "give the host's address of the other family than "+first.String(), "it is needed where pods have two families of addresses")
	case !both:
		l.refuse(field, "leave it out, or give pods and services a range of each family", "pods have one family of addresses")
	case err != nil:
		l.refuse(field, "", "%q is not an IP address", h.SecondAddress)
	case a.Is4() == first.Is4():
		l.refuse(field, "give an address of the other family", "%s is of the same family as %s", a, first)
	default:
		rest(a)
	}
}

// nodeNetworks are the hosts' networks; none where one of them is no network.
func (l *list) nodeNetworks(texts []string, pods, services []netip.Prefix) (nodes []netip.Prefix) {
	for i, text := range texts {
		path := fmt.Sprintf("spec.network.nodes[%d]", i)
		p, err := netip.ParsePrefix(text)
		if err != nil {
			l.refuse(path, "write a CIDR such as 192.0.2.0/24", "%q is none", text)
			continue
		}
		nodes = append(nodes, p)
		for _, r := range []struct {
			words string
			of    []netip.Prefix
		}{{"pod", pods}, {"service", services}} {
			for _, one := range r.of {
				if one.Overlaps(p) {
					l.refuse(path, "choose another "+r.words+" range", "the hosts' network %s and the %s range %s overlap", p, r.words, one)
				}
			}
		}
	}
	if len(nodes) < len(texts) {
		return nil
	}
	return nodes
}

// within refuses an address that is in none of the hosts' networks, if there
// are such, or that a cluster's range would take away from its host: kube-proxy
// drops traffic to unused addresses of Services, and the pod network routes its
// range elsewhere.
func (l *list) within(path string, a netip.Addr, nodes, pods, services []netip.Prefix) {
	holds := func(p netip.Prefix) bool { return p.Contains(a) }
	for _, r := range []struct {
		words string
		of    []netip.Prefix
	}{{"pod", pods}, {"service", services}} {
		if i := slices.IndexFunc(r.of, holds); i >= 0 {
			l.refuse(path, "choose another "+r.words+" range", "%s lies in the cluster's %s range %s", a, r.words, r.of[i])
		}
	}
	if len(nodes) > 0 && !slices.ContainsFunc(nodes, holds) {
		l.refuse(path, "correct the address, or add its network to spec.network.nodes", "%s lies in none of the hosts' networks", a)
	}
}

// subnets are ranges, none where the text is wrong: kubeadm's rules say why.
func subnets(text string) []netip.Prefix {
	ranges, err := config.Subnets(text)
	if err != nil {
		return nil
	}
	return ranges
}
