package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Subnets parses one CIDR, or two of different families with a comma between.
func Subnets(text string) ([]netip.Prefix, error) {
	var subnets []netip.Prefix
	for part := range strings.SplitSeq(text, ",") {
		p, err := netip.ParsePrefix(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("%q is not a CIDR such as 10.96.0.0/12", part)
		}
		subnets = append(subnets, p.Masked())
	}
	return subnets, nil
}

// ServiceAddress is the address at that index of the first service range: 1
// is the API server's Service, 10 is the DNS's.
func (n Networking) ServiceAddress(index int) (netip.Addr, error) {
	subnets, err := Subnets(n.ServiceSubnet)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("networking.serviceSubnet: %w", err)
	}
	address := subnets[0].Addr()
	for range index {
		address = address.Next()
	}
	if !subnets[0].Contains(address) {
		return netip.Addr{}, fmt.Errorf("networking.serviceSubnet: %s has no address number %d; use a larger range", subnets[0], index)
	}
	return address, nil
}

// HostPort is "address:port", with brackets around an IPv6 address.
func (e APIEndpoint) HostPort() string {
	return net.JoinHostPort(e.AdvertiseAddress, strconv.Itoa(int(e.BindPort)))
}

// IPv6 is true when the API server's address is of that family; all loopback
// addresses then are, too.
func (e APIEndpoint) IPv6() bool {
	a, err := netip.ParseAddr(e.AdvertiseAddress)
	return err == nil && a.Is6() && !a.Is4In6()
}

// Loopback is the loopback address of the API server's family.
func (e APIEndpoint) Loopback() string {
	if e.IPv6() {
		return "::1"
	}
	return "127.0.0.1"
}

// ControlPlaneURL is the https URL that administrators and nodes are given:
// the shared endpoint, with the local port unless it has its own, or else the
// local endpoint.
func (c ClusterConfiguration) ControlPlaneURL(local APIEndpoint) string {
	if c.ControlPlaneEndpoint == "" {
		return "https://" + local.HostPort()
	}
	host, port, err := net.SplitHostPort(c.ControlPlaneEndpoint)
	if err != nil {
		host, port = strings.Trim(c.ControlPlaneEndpoint, "[]"), strconv.Itoa(int(local.BindPort))
	}
	return "https://" + net.JoinHostPort(host, port)
}
