package observe

import (
	"cmp"
	"context"
	"net/netip"
	"regexp"
	"slices"

	"keelway.dev/keelway/internal/host"
)

// Address is one of a host's own addresses.
type Address struct {
	IP netip.Addr
	// Interface is "" where /proc alone cannot tell and there is no ip command.
	Interface string
}

// Route is one way to a range of addresses.
type Route struct {
	Prefix netip.Prefix
	// Gateway is invalid for a range that is on the link itself.
	Gateway   netip.Addr
	Interface string
	Metric    uint32
}

// Network is what a host's addresses and routes are.
type Network struct {
	// Addresses leaves out loopback ones, and those that a host will not keep:
	// temporary, deprecated or not yet usable.
	Addresses []Address
	Routes    []Route
}

// ReadNetwork reads addresses and routes from /proc. /proc does not say which
// link has an address: the link of the network around it has. Where that is
// not certain, or a link has several, `ip -json` is asked if there is one,
// because it alone knows the order in which addresses were added.
func ReadNetwork(ctx context.Context, h host.Host) (Network, error) {
	return readNetwork(ctx, h, Network.all)
}

// reachable is ReadNetwork for who only wants Global: the order of addresses on
// the links of containers does not matter then, and no program is run for it.
func reachable(ctx context.Context, h host.Host) (Network, error) {
	return readNetwork(ctx, h, Network.outer)
}

func readNetwork(ctx context.Context, h host.Host, matter func(n Network) []Address) (Network, error) {
	n := Network{}
	routes, err := ReadText(ctx, h, "/proc/net/route")
	if err != nil {
		return Network{}, err
	}
	trie, err := ReadText(ctx, h, "/proc/net/fib_trie")
	if err != nil {
		return Network{}, err
	}
	// A kernel without IPv6 has neither of these.
	routes6, err := ReadText(ctx, h, "/proc/net/ipv6_route")
	if err != nil && !absent(err) {
		return Network{}, err
	}
	addresses6, err := ReadText(ctx, h, "/proc/net/if_inet6")
	if err != nil && !absent(err) {
		return Network{}, err
	}
	n.Routes = append(parseRoutes(routes), parseRoutes6(routes6)...)
	sure := true
	for _, ip := range parseTrie(trie) {
		link, certain := n.linkOf(ip)
		sure = sure && certain
		n.Addresses = append(n.Addresses, Address{IP: ip, Interface: link})
	}
	n.Addresses = append(n.Addresses, parseAddresses6(addresses6)...)
	if !sure || crowded(matter(n)) {
		if known := askIP(ctx, h); known != nil {
			n.Addresses = known
		}
	}
	return n, nil
}

// linkOf finds the link whose own range holds ip, most specific first. Two
// links with the same range leave it uncertain, and so does none.
func (n Network) linkOf(ip netip.Addr) (link string, certain bool) {
	best := -1
	for _, r := range n.Routes {
		if r.Gateway.IsValid() || r.Prefix.Bits() == 0 || !r.Prefix.Contains(ip) {
			continue
		}
		switch {
		case r.Prefix.Bits() > best:
			best, link, certain = r.Prefix.Bits(), r.Interface, true
		case r.Prefix.Bits() == best && r.Interface != link:
			certain = false
		}
	}
	if !certain {
		return "", false
	}
	return link, true
}

func (n Network) all() []Address { return n.Addresses }

// outer leaves out the addresses of links that Global leaves out.
func (n Network) outer() []Address {
	defaults := n.Defaults()
	return slices.DeleteFunc(slices.Clone(n.Addresses), func(a Address) bool {
		return ContainerLink(a.Interface) && !slices.ContainsFunc(defaults, func(r Route) bool { return r.Interface == a.Interface })
	})
}

// crowded is true when a link has several global addresses of one family.
func crowded(list []Address) bool {
	type key struct {
		link string
		four bool
	}
	seen := map[key]bool{}
	for _, a := range list {
		k := key{a.Interface, a.IP.Is4()}
		if !global(a) {
			continue
		}
		if seen[k] {
			return true
		}
		seen[k] = true
	}
	return false
}

// Defaults are the default routes, IPv4 first, then by metric: the order in
// which the kernel prefers them.
func (n Network) Defaults() []Route {
	var defaults []Route
	for _, r := range n.Routes {
		if r.Prefix.Bits() == 0 {
			defaults = append(defaults, r)
		}
	}
	slices.SortStableFunc(defaults, func(a, b Route) int {
		return cmp.Or(cmp.Compare(a.Prefix.Addr().BitLen(), b.Prefix.Addr().BitLen()), cmp.Compare(a.Metric, b.Metric))
	})
	return defaults
}

// DefaultInterface is the link of the preferred default route, or "".
func (n Network) DefaultInterface() string {
	if d := n.Defaults(); len(d) > 0 {
		return d[0].Interface
	}
	return ""
}

// Global lists the addresses by which others reach the host: those of the
// default routes' links first, IPv4 before IPv6, then the others by link.
// Links that container networks make are left out unless they carry a default
// route: their addresses come and go with the cluster.
func (n Network) Global() []Address {
	rank := map[string]int{}
	for i, r := range n.Defaults() {
		if _, ok := rank[r.Interface]; !ok {
			rank[r.Interface] = i
		}
	}
	last := len(n.Routes)
	order := func(a Address) int {
		if i, ok := rank[a.Interface]; ok {
			return i
		}
		return last
	}
	var found []Address
	for _, a := range n.Addresses {
		if _, routed := rank[a.Interface]; global(a) && (routed || !ContainerLink(a.Interface)) {
			found = append(found, a)
		}
	}
	slices.SortStableFunc(found, func(a, b Address) int {
		byLink := 0
		if order(a) == last {
			byLink = cmp.Compare(a.Interface, b.Interface)
		}
		return cmp.Or(cmp.Compare(order(a), order(b)), byLink, cmp.Compare(a.IP.BitLen(), b.IP.BitLen()))
	})
	return found
}

func global(a Address) bool {
	return a.IP.IsGlobalUnicast()
}

// ContainerLink says, by the names that network plugins, container engines
// and hypervisors give, that a link belongs to containers and not to the host.
func ContainerLink(name string) bool {
	return regexp.MustCompile(`^(lo|cni\d+|cni-.+|flannel(-v6)?\..+|docker\d+|docker_gwbridge|br-[0-9a-f]{12}|veth.*|cali.*|tunl\d+|vxlan.calico|vxlan-v6.calico|wireguard.cali|kube-ipvs\d+|kube-bridge|nodelocaldns|cilium_.+|lxc.*|lxd.*|incusbr.*|podman\d+|virbr\d+|weave)$`).MatchString(name)
}
