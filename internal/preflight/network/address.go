package network

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/preflight/subject"
)

// Address finds an advertise address that this host does not have, or that
// does not go with the service range.
func Address(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	n, err := s.Network(ctx)
	if err != nil {
		return nil, err
	}
	text := s.Node().Init.LocalAPIEndpoint.AdvertiseAddress
	want := s.Advertise().Unmap()
	has := list(n.Global())
	if has == "" {
		has = "none that others can reach"
	}
	fix := "give one of them with --apiserver-advertise-address"
	switch {
	case !want.IsValid():
		return []subject.Finding{{Message: fmt.Sprintf("the advertise address %q is not an IP address; %s has %s", text, s.Host.Name(), has), Fix: fix}}, nil
	case !slices.ContainsFunc(n.Addresses, func(a observe.Address) bool { return a.IP.Unmap() == want }):
		return []subject.Finding{{Message: fmt.Sprintf("the advertise address %s is not on %s, which has %s: etcd could not listen on it", want, s.Host.Name(), has), Fix: fix}}, nil
	}
	for _, r := range s.Ranges() {
		if r.What != "service" {
			continue
		}
		if r.Prefix.Addr().Is4() != want.Is4() {
			return []subject.Finding{{
				Message: fmt.Sprintf("the advertise address %s and the service range %s are of different families: kube-apiserver does not start", want, r.Prefix),
				Fix:     "give an address of the service range's family, or put a range of the address's family first in --service-cidr",
			}}, nil
		}
		break // the first range is the one that counts
	}
	return nil, nil
}

// Several finds a host with addresses of one family on several links, and says
// which one the cluster will use.
func Several(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	if s.AddressChosen {
		return nil, nil
	}
	n, err := s.Network(ctx)
	if err != nil {
		return nil, err
	}
	want := s.Advertise().Unmap()
	var same []observe.Address
	links := map[string]bool{}
	for _, a := range n.Global() {
		if a.IP.Is4() == want.Is4() {
			same = append(same, a)
			links[a.Interface] = true
		}
	}
	if len(links) < 2 {
		return nil, nil
	}
	why := "the first one"
	if d := n.DefaultInterface(); d != "" {
		why = "the default route's (" + d + ")"
	}
	var routes []string
	for _, r := range n.Defaults() {
		if r.Prefix.Addr().Is4() == want.Is4() && !slices.Contains(routes, r.Interface) {
			routes = append(routes, r.Interface)
		}
	}
	if len(routes) > 1 {
		why += ", of default routes on " + strings.Join(routes, ", ")
	}
	return []subject.Finding{{
		Warning: true,
		Message: fmt.Sprintf("%s has several networks, %s: the cluster uses %s, %s, and other hosts must reach it there", s.Host.Name(), list(same), want, why),
		Fix:     "choose with --apiserver-advertise-address; naming the same one again silences this",
	}}, nil
}

func list(addresses []observe.Address) string {
	var words []string
	for _, a := range addresses {
		w := a.IP.String()
		if a.Interface != "" {
			w += " (" + a.Interface + ")"
		}
		words = append(words, w)
	}
	return strings.Join(words, ", ")
}

// Ranges finds pod and service ranges that overlap each other, or what the
// host already reaches: kube-proxy drops traffic to every unused address of
// the service range, and flannel takes the pod range.
func Ranges(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	n, err := s.Network(ctx)
	if err != nil {
		return nil, err
	}
	servers, err := nameServers(ctx, s)
	if err != nil {
		return nil, err
	}
	var found []subject.Finding
	ranges := s.Ranges()
	for i, r := range ranges {
		clash := func(what string, lost string) {
			found = append(found, subject.Finding{
				Message: fmt.Sprintf("the %s range %s overlaps %s: %s", r.What, r.Prefix, what, lost),
				Fix:     "choose another range with " + r.Option,
			})
		}
		// A wider route may lead to many places, none of them in the range.
		wider := func(route observe.Route) {
			clash(fmt.Sprintf("the wider route to %s on %s", route.Prefix.Masked(), route.Interface), "if machines have addresses of the range, this host can no longer reach them")
			found[len(found)-1].Warning = true
			found[len(found)-1].Fix = "nothing if no machine has such an address; else choose another range with " + r.Option
		}
		for _, other := range ranges[i+1:] {
			if r.Prefix.Overlaps(other.Prefix) {
				clash(fmt.Sprintf("the %s range %s", other.What, other.Prefix), "addresses would be given twice")
			}
		}
		for _, route := range n.Routes {
			switch {
			case route.Prefix.Bits() == 0 || ownLink(route.Interface) || !r.Prefix.Overlaps(route.Prefix.Masked()):
			case route.Prefix.Bits() < r.Prefix.Bits():
				wider(route)
			default:
				clash(fmt.Sprintf("the route to %s on %s", route.Prefix.Masked(), route.Interface), "this host could no longer reach machines there")
			}
		}
		for _, a := range n.Addresses {
			if !ownLink(a.Interface) && r.Prefix.Contains(a.IP) && !routed(n, a.IP) {
				clash(fmt.Sprintf("the address %s of %s", a.IP, s.Host.Name()), "pods could not reach this host")
			}
		}
		for _, a := range servers {
			if r.Prefix.Contains(a) {
				clash(fmt.Sprintf("the name server %s in /etc/resolv.conf", a), "names could not be resolved any more")
			}
		}
		if a, err := netip.ParseAddr(endpointHost(s.Model.Cluster.ControlPlaneEndpoint)); err == nil && r.Prefix.Contains(a) {
			clash(fmt.Sprintf("the control plane endpoint %s", a), "no kubelet could reach it")
		}
	}
	return found, nil
}

// ownLink is a link that the cluster's own network makes, whose routes are in
// the pod range on purpose.
func ownLink(name string) bool {
	return name == "cni0" || strings.HasPrefix(name, "flannel")
}

// routed is true when an address lies in a range of a link, whose clash has
// been told already.
func routed(n observe.Network, ip netip.Addr) bool {
	return slices.ContainsFunc(n.Routes, func(r observe.Route) bool {
		return r.Prefix.Bits() > 0 && !ownLink(r.Interface) && r.Prefix.Contains(ip)
	})
}

func nameServers(ctx context.Context, s *subject.Subject) ([]netip.Addr, error) {
	text, err := s.Text(ctx, "/etc/resolv.conf")
	if err != nil {
		return nil, err
	}
	var servers []netip.Addr
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "nameserver" {
			if a, err := netip.ParseAddr(f[1]); err == nil {
				servers = append(servers, a)
			}
		}
	}
	return servers, nil
}

// endpointHost takes the port off "host:port"; an IPv6 address has brackets then.
func endpointHost(endpoint string) string {
	if a, err := netip.ParseAddrPort(endpoint); err == nil {
		return a.Addr().String()
	}
	return strings.Trim(endpoint, "[]")
}
