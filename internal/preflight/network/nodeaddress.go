package network

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/preflight/subject"
)

// NodeAddress finds a kubelet that would register its node without an address of
// a family that the pods have, though the host has one: left alone, it takes a
// single address, of IPv4 if it can.
func NodeAddress(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	n, err := s.Network(ctx)
	if err != nil {
		return nil, err
	}
	first := map[bool]netip.Addr{} // by whether it is IPv4
	for _, a := range n.Global() {
		if _, ok := first[a.IP.Is4()]; !ok {
			first[a.IP.Is4()] = a.IP
		}
	}
	registered := []netip.Addr{first[true]}
	if !first[true].IsValid() {
		registered = []netip.Addr{first[false]}
	}
	if text := subject.Arg(s.Node().Init.NodeRegistration.KubeletExtraArgs, "node-ip"); text != "" {
		registered = nil
		for part := range strings.SplitSeq(text, ",") {
			if a, err := netip.ParseAddr(strings.TrimSpace(part)); err == nil {
				registered = append(registered, a)
			}
		}
	}
	var both, missing []string
	for _, r := range s.Ranges() {
		own := first[r.Prefix.Addr().Is4()]
		if r.What != "pod" || !own.IsValid() {
			continue
		}
		both = append(both, own.String())
		if !slices.ContainsFunc(registered, func(a netip.Addr) bool { return a.Is4() == own.Is4() }) {
			missing = append(missing, fmt.Sprintf("%s, though pods have addresses of %s", own, r.Prefix))
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	return []subject.Finding{{
		Warning: true,
		Message: fmt.Sprintf("the kubelet of %s would register its node without %s: pods of the host's network, and node ports, would not be reached there", s.Host.Name(), strings.Join(missing, ", and without ")),
		Fix:     fmt.Sprintf("set nodeRegistration.kubeletExtraArgs: [{name: node-ip, value: %q}] on each host, with its own addresses", strings.Join(both, ",")),
	}}, nil
}
