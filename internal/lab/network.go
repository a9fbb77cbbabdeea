package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// subnets are those of 198.18.0.0/15, which RFC 2544 sets apart for tests of
// network devices: no other machine has an address there.
func subnet(number int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, byte(number), 0}), 24)
}

// freeSubnet is the first that no lab has and to which this machine has no route.
func freeSubnet(taken []*Lab) (netip.Prefix, error) {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("cannot read this machine's routes: %w", err)
	}
next:
	for n := range 256 {
		s := subnet(n)
		for _, l := range taken {
			if l.Subnet.Overlaps(s) {
				continue next
			}
		}
		for _, r := range routes {
			if r.Dst == nil {
				continue
			}
			if ones, _ := r.Dst.Mask.Size(); ones > 0 && (r.Dst.Contains(s.Addr().AsSlice()) || s.Contains(addr(r.Dst.IP))) {
				continue next
			}
		}
		return s, nil
	}
	return netip.Prefix{}, errors.New("every subnet of 198.18.0.0/16 is in use here: delete a lab (`keelway lab list`)")
}

func addr(ip net.IP) netip.Addr {
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
	own := &netlink.Addr{IPNet: &net.IPNet{IP: l.gateway().AsSlice(), Mask: net.CIDRMask(l.Subnet.Bits(), 32)}}
	if err := netlink.AddrReplace(link, own); err != nil {
		return fmt.Errorf("cannot give %s the address %s: %w", l.Bridge, own, err)
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
