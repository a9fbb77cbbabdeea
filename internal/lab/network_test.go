package lab

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// Hosts have one address of each subnet, with this machine's at its beginning.
func TestFamilies(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		family          Family
		subnet, subnet6 netip.Prefix
		addresses       string
		unit            []string
	}{
		{IPv4, subnet(3), netip.Prefix{}, "[198.18.3.10] [198.18.3.11]", nil},
		{Dual, subnet(3), subnet6(3), "[198.18.3.10 fd4b:6565:6c77:3::a] [198.18.3.11 fd4b:6565:6c77:3::b]", []string{
			"ip -6 address replace fd4b:6565:6c77:3::a/64 dev host0 nodad", "ip -6 route replace default via fd4b:6565:6c77:3::1",
		}},
		{IPv6, subnet6(3), netip.Prefix{}, "[fd4b:6565:6c77:3::a] [fd4b:6565:6c77:3::b]", []string{
			"ExecStart=\n", "ip link set host0 up", "ip -6 address replace fd4b:6565:6c77:3::a/64 dev host0 nodad",
		}},
	} {
		l := &Lab{Subnet: tc.subnet, Subnet6: tc.subnet6, Hosts: make([]Host, 2)}
		l.address()
		if got := fmt.Sprint(l.Hosts[0].addresses(), " ", l.Hosts[1].addresses()); got != tc.addresses || l.family() != tc.family {
			t.Errorf("%s: %s, family %s", tc.family, got, l.family())
		}
		unit := l.dropIn(l.Hosts[0])
		for _, want := range tc.unit {
			if !strings.Contains(unit, want) {
				t.Errorf("%s: the unit has no %q:\n%s", tc.family, want, unit)
			}
		}
		if tc.unit == nil && strings.Contains(unit, "ExecStart") {
			t.Errorf("%s: the unit is changed:\n%s", tc.family, unit)
		}
	}
	taken := []*Lab{{Subnet: subnet(0), Subnet6: subnet6(0)}, {Subnet: subnet6(1)}}
	for s, want := range map[netip.Prefix]bool{subnet(0): true, subnet6(0): true, subnet6(1): true, subnet(1): false, subnet6(2): false} {
		if used(s, taken, nil) != want {
			t.Errorf("%s: used is %t", s, !want)
		}
	}
}
