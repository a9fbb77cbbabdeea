package observe

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"keelway.dev/keelway/internal/host"
)

// Flags of a route, from the kernel's route.h.
const (
	routeUp      = 0x1
	routeGateway = 0x2
	routeReject  = 0x200
	routeLocal   = 0x80000000
)

// parseRoutes reads /proc/net/route: one line a route of the main table, the
// addresses as numbers of a little-endian machine.
func parseRoutes(text string) []Route {
	var routes []Route
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 8 {
			continue
		}
		flags, err := strconv.ParseUint(f[3], 16, 32)
		if err != nil || flags&routeUp == 0 || flags&routeReject != 0 {
			continue // the heading too
		}
		destination, ok1 := littleEndian(f[1])
		mask, ok2 := littleEndian(f[7])
		if !ok1 || !ok2 {
			continue
		}
		metric, _ := strconv.ParseUint(f[6], 10, 32)
		m := mask.As4()
		ones := bits.OnesCount32(binary.BigEndian.Uint32(m[:]))
		r := Route{Prefix: netip.PrefixFrom(destination, ones), Interface: f[0], Metric: uint32(metric)}
		if gateway, ok := littleEndian(f[2]); ok && flags&routeGateway != 0 {
			r.Gateway = gateway
		}
		routes = append(routes, r)
	}
	return routes
}

// littleEndian turns "0201000A" into 10.0.1.2. Big-endian machines, which
// write it the other way round, have no release of Keelway.
func littleEndian(s string) (netip.Addr, bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 4 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte{b[3], b[2], b[1], b[0]}), true
}

// parseRoutes6 reads /proc/net/ipv6_route, leaving out the host's own
// addresses, multicast, and refused ranges.
func parseRoutes6(text string) []Route {
	var routes []Route
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 10 {
			continue
		}
		flags, err := strconv.ParseUint(f[8], 16, 32)
		if err != nil || flags&routeUp == 0 || flags&(routeReject|routeLocal) != 0 {
			continue
		}
		destination, ok1 := address6(f[0])
		gateway, ok2 := address6(f[4])
		ones, err := strconv.ParseUint(f[1], 16, 8)
		if !ok1 || !ok2 || err != nil || destination.IsMulticast() {
			continue
		}
		metric, _ := strconv.ParseUint(f[5], 16, 32)
		r := Route{Prefix: netip.PrefixFrom(destination, int(ones)), Interface: f[9], Metric: uint32(metric)}
		if !gateway.IsUnspecified() {
			r.Gateway = gateway
		}
		routes = append(routes, r)
	}
	return routes
}

func address6(s string) (netip.Addr, bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 16 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom16([16]byte(b)), true
}

// parseTrie takes from /proc/net/fib_trie the addresses that are the host's
// own: a "|-- address" line, and "/32 host LOCAL" below it.
func parseTrie(text string) []netip.Addr {
	var own []netip.Addr
	seen := map[netip.Addr]bool{}
	var at netip.Addr
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if s, ok := strings.CutPrefix(line, "|-- "); ok {
			at, _ = netip.ParseAddr(s)
			continue
		}
		f := strings.Fields(line)
		if len(f) != 3 || f[0] != "/32" || f[1] != "host" || f[2] != "LOCAL" {
			continue
		}
		if at.IsValid() && !at.IsLoopback() && !seen[at] {
			seen[at] = true
			own = append(own, at)
		}
	}
	return own
}

// Flags of an IPv6 address that make it unfit to be known by.
const (
	addressTemporary  = 0x01
	addressFailed     = 0x08
	addressDeprecated = 0x20
	addressTentative  = 0x40
)

// parseAddresses6 reads /proc/net/if_inet6.
func parseAddresses6(text string) []Address {
	var own []Address
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 6 {
			continue
		}
		ip, ok := address6(f[0])
		flags, err := strconv.ParseUint(f[4], 16, 8)
		if !ok || err != nil || ip.IsLoopback() {
			continue
		}
		if flags&(addressTemporary|addressFailed|addressDeprecated|addressTentative) == 0 {
			own = append(own, Address{IP: ip, Interface: f[5]})
		}
	}
	return own
}

// askIP lists the addresses in the kernel's own order. It returns nil when
// there is no ip command, or one that does not speak JSON.
func askIP(ctx context.Context, h host.Host) []Address {
	r, err := h.Run(ctx, host.Command{Argv: []string{"ip", "-json", "address", "show"}})
	if err != nil || r.Code != 0 {
		return nil
	}
	return parseIP(r.Stdout)
}

func parseIP(text []byte) []Address {
	var links []struct {
		Name      string `json:"ifname"`
		Addresses []struct {
			Local                            netip.Addr
			Temporary, Deprecated, Tentative bool
			Failed                           bool `json:"dadfailed"`
		} `json:"addr_info"`
	}
	if err := json.Unmarshal(text, &links); err != nil {
		return nil
	}
	var own []Address
	for _, l := range links {
		for _, a := range l.Addresses {
			if a.Local.IsValid() && !a.Local.IsLoopback() && !a.Temporary && !a.Deprecated && !a.Tentative && !a.Failed {
				own = append(own, Address{IP: a.Local, Interface: l.Name})
			}
		}
	}
	return own
}
