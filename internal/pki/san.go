package pki

import (
	"net"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	netutils "k8s.io/utils/net"
)

// names collects the subject alternative names of one certificate.
type names struct {
	dns []string
	ips []net.IP
}

// isSAN says whether kubeadm accepts the text in certSANs: an IP address, or a
// DNS name in any case, with or without a leading "*.".
func isSAN(text string) bool {
	text = strings.ToLower(text)
	return netutils.ParseIPSloppy(text) != nil ||
		len(validation.IsDNS1123Subdomain(text)) == 0 ||
		len(validation.IsWildcardDNS1123Subdomain(text)) == 0
}

// add takes texts as kubeadm does: an address becomes an IP, a name a
// lower-case DNS name, anything else is left out (Validate names it).
func (n *names) add(texts ...string) {
	for _, text := range texts {
		if ip := netutils.ParseIPSloppy(text); ip != nil {
			n.ips = append(n.ips, ip)
		} else if isSAN(text) {
			n.dns = append(n.dns, strings.ToLower(text))
		}
	}
}

// result returns the DNS names sorted and unique, and the addresses unique in
// the order they came.
func (n *names) result() ([]string, []net.IP) {
	slices.Sort(n.dns)
	seen := map[string]bool{}
	var ips []net.IP
	for _, ip := range n.ips {
		if !seen[ip.String()] {
			seen[ip.String()] = true
			ips = append(ips, ip)
		}
	}
	return slices.Compact(n.dns), ips
}

// apiServerNames are what clients call the API server: the Node, the Service
// kubernetes, the shared endpoint and what the user adds.
func (in Input) apiServerNames() ([]string, []net.IP) {
	var n names
	n.add(in.NodeName, "kubernetes", "kubernetes.default", "kubernetes.default.svc")
	if in.DNSDomain != "" {
		n.add("kubernetes.default.svc." + in.DNSDomain)
	}
	// kubeadm takes the first family only.
	if len(in.ServiceSubnets) > 0 {
		if ip, err := firstAddress(in.ServiceSubnets[0]); err == nil {
			n.ips = append(n.ips, ip)
		}
	}
	n.add(in.AdvertiseAddress)
	if host, _, err := splitEndpoint(in.ControlPlaneEndpoint); err == nil {
		n.add(host)
	}
	n.add(in.APIServerSANs...)
	return n.result()
}

// etcdNames are what the API server and other members call this member.
func (in Input) etcdNames(own []string) ([]string, []net.IP) {
	var n names
	n.add(in.NodeName, "localhost", in.AdvertiseAddress, "127.0.0.1", "::1")
	n.add(own...)
	return n.result()
}
