package cluster

import (
	"errors"
	"fmt"
	"net/netip"

	"k8s.io/apimachinery/pkg/util/validation"

	"keelway.dev/keelway/internal/config"
)

// check lists everything in the model that cannot be.
func check(m *Model) error {
	var problems []error
	h := m.Hosts[0]
	for _, words := range validation.IsDNS1123Subdomain(h.Init.NodeRegistration.Name) {
		problems = append(problems, fmt.Errorf("node name %q: %s", h.Init.NodeRegistration.Name, words))
	}
	address, err := netip.ParseAddr(h.Init.LocalAPIEndpoint.AdvertiseAddress)
	switch {
	case err != nil:
		problems = append(problems, fmt.Errorf("advertise address %q is not an IP address: give the one that other machines reach this one by", h.Init.LocalAPIEndpoint.AdvertiseAddress))
	case address.IsLoopback() || address.IsUnspecified():
		problems = append(problems, fmt.Errorf("advertise address %s is not reachable from pods: give the address of a network interface", address))
	}
	if port := h.Init.LocalAPIEndpoint.BindPort; port < 1 || port > 65535 {
		problems = append(problems, fmt.Errorf("bind port %d is not between 1 and 65535", port))
	}
	problems = append(problems, checkRanges(m)...)
	return errors.Join(problems...)
}

// checkRanges refuses ranges that overlap each other or hold a host's own
// address: kube-proxy's nftables mode drops traffic to every unused address of
// the service range, and flannel routes the pod range away.
func checkRanges(m *Model) []error {
	var problems []error
	pods, err := config.Subnets(m.Cluster.Networking.PodSubnet)
	if err != nil {
		problems = append(problems, fmt.Errorf("networking.podSubnet: %w", err))
	}
	services, err := config.Subnets(m.Cluster.Networking.ServiceSubnet)
	if err != nil {
		problems = append(problems, fmt.Errorf("networking.serviceSubnet: %w", err))
	} else if _, err := m.Cluster.Networking.ServiceAddress(10); err != nil {
		problems = append(problems, err)
	}
	for _, p := range pods {
		for _, s := range services {
			if p.Overlaps(s) {
				problems = append(problems, fmt.Errorf("the pod range %s and the service range %s overlap: choose others", p, s))
			}
		}
	}
	for _, h := range m.Hosts {
		seen := map[netip.Addr]bool{}
		for _, text := range append([]string{h.Init.LocalAPIEndpoint.AdvertiseAddress}, h.Facts.Addresses...) {
			a, err := netip.ParseAddr(text)
			if err != nil || seen[a] {
				continue
			}
			seen[a] = true
			for _, r := range append(append([]netip.Prefix{}, pods...), services...) {
				if r.Contains(a) {
					problems = append(problems, fmt.Errorf("this machine's address %s lies in the cluster's range %s: choose another range", a, r))
				}
			}
		}
	}
	return problems
}
