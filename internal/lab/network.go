package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Family is which addresses the hosts of a lab have.
type Family string

// The families, by the names that kind gives them. Dual hosts are reached by IPv4.
const (
	IPv4 Family = "ipv4"
	Dual Family = "dual"
	IPv6 Family = "ipv6"
)

// subnet is one of 198.18.0.0/15, which RFC 2544 sets apart for tests of network
// devices: no other machine has an address there.
func subnet(number int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, byte(number), 0}), 24)
}

// subnet6 is one of a range of unique local addresses (RFC 4193), whose 40 bits
// are the letters "Keelw": a second lab of this kind is on this machine or far away.
func subnet6(number int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 'K', 'e', 'e', 'l', 'w', 0, byte(number)}), 64)
}

// choose gives the lab the first subnets of its family that no lab has and to
// which this machine has no route, and its hosts their addresses.
func (l *Lab) choose(f Family, taken []*Lab) error {
	if _, err := os.Stat("/proc/net/if_inet6"); err != nil && f != IPv4 {
		return fmt.Errorf("this machine's kernel has no IPv6, which hosts of the family %s need: %w", f, err)
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return fmt.Errorf("cannot read this machine's routes: %w", err)
	}
	for n := range 256 {
		switch f {
		case IPv4:
			l.Subnet = subnet(n)
		case Dual:
			l.Subnet, l.Subnet6 = subnet(n), subnet6(n)
		case IPv6:
			l.Subnet = subnet6(n)
		default:
			return fmt.Errorf("the family %q is none of %s, %s, %s", f, IPv4, Dual, IPv6)
		}
		if !slices.ContainsFunc(l.subnets(), func(s netip.Prefix) bool { return used(s, taken, routes) }) {
			l.address()
			return nil
		}
	}
	return errors.New("every subnet for labs is in use here: delete a lab (`keelway lab list`)")
}

// subnets are one of each family that the hosts have.
func (l *Lab) subnets() []netip.Prefix {
	return slices.DeleteFunc([]netip.Prefix{l.Subnet, l.Subnet6}, func(p netip.Prefix) bool { return !p.IsValid() })
}

// ranges are the subnets in words.
func (l *Lab) ranges() string {
	var all []string
	for _, s := range l.subnets() {
		all = append(all, s.String())
	}
	return strings.Join(all, " and ")
}

func (l *Lab) family() Family {
	switch {
	case l.Subnet6.IsValid():
		return Dual
	case l.Subnet.Addr().Is6():
		return IPv6
	}
	return IPv4
}

func used(s netip.Prefix, taken []*Lab, routes []netlink.Route) bool {
	for _, l := range taken {
		if slices.ContainsFunc(l.subnets(), s.Overlaps) {
			return true
		}
	}
	for _, r := range routes {
		if r.Dst == nil {
			continue
		}
		if ones, _ := r.Dst.Mask.Size(); ones > 0 && (r.Dst.Contains(s.Addr().AsSlice()) || s.Contains(addr(r.Dst.IP))) {
			return true
		}
	}
	return false
}

// address numbers the hosts from the tenth address on, out of the way of the gateway.
func (l *Lab) address() {
	const first = 10
	for i := range l.Hosts {
		l.Hosts[i].Address = number(l.Subnet, first+i)
		if l.Subnet6.IsValid() {
			l.Hosts[i].Address6 = number(l.Subnet6, first+i)
		}
	}
}

// number is the address of that number in a subnet, which has more than 255.
func number(s netip.Prefix, n int) netip.Addr {
	bytes := s.Addr().AsSlice()
	bytes[len(bytes)-1] = byte(n)
	return addr(bytes)
}

// addresses are all that the host has.
func (h Host) addresses() []netip.Addr {
	return slices.DeleteFunc([]netip.Addr{h.Address, h.Address6}, func(a netip.Addr) bool { return !a.IsValid() })
}

// dropIn gives a host its IPv6 address, beside the one that its unit gives it or
// in its place. It does not look whether another has it, which takes a second.
func (l *Lab) dropIn(h Host) string {
	text := "[Service]\n"
	if l.family() == IPv6 {
		text += "ExecStart=\nExecStart=/usr/sbin/ip link set host0 up\n"
	}
	for i, a := range h.addresses() {
		if s := l.subnets()[i]; a.Is6() {
			text += fmt.Sprintf("ExecStart=/usr/sbin/ip -6 address replace %s/%d dev host0 nodad\nExecStart=/usr/sbin/ip -6 route replace default via %s\n", a, s.Bits(), gateway(s))
		}
	}
	return text
}

// gateway is this machine's own address in a subnet.
func gateway(s netip.Prefix) netip.Addr { return s.Addr().Next() }

func addr[B ~[]byte](ip B) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

// makeBridge makes the link that joins a lab's hosts, with this machine's
// address on it. One that is there already is left as it is.
func (l *Lab) makeBridge() error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = l.Bridge
	link, err := netlink.LinkByName(l.Bridge)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
			return fmt.Errorf("cannot make the bridge %s: %w", l.Bridge, err)
		}
		link, err = netlink.LinkByName(l.Bridge)
	}
	if err != nil {
		return fmt.Errorf("cannot find the bridge %s: %w", l.Bridge, err)
	}
	for _, s := range l.subnets() {
		own := &netlink.Addr{IPNet: &net.IPNet{IP: gateway(s).AsSlice(), Mask: net.CIDRMask(s.Bits(), s.Addr().BitLen())}}
		if s.Addr().Is6() {
			own.Flags = unix.IFA_F_NODAD // nobody else can have it, and a search for him takes a second
		}
		if err := netlink.AddrReplace(link, own); err != nil {
			return fmt.Errorf("cannot give %s the address %s: %w", l.Bridge, own, err)
		}
	}
	return netlink.LinkSetUp(link)
}

// removeBridge removes the link, with the address and the route that it has.
func (l *Lab) removeBridge() error {
	link, err := netlink.LinkByName(l.Bridge)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return nil
	}
	if err != nil {
		return err
	}
	return netlink.LinkDel(link)
}
