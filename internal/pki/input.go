package pki

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	netutils "k8s.io/utils/net"
)

// Input is what the certificates and kubeconfigs of one control plane depend on.
type Input struct {
	// Dir is the PKI folder, ConfDir the folder of the kubeconfig files; ""
	// stands for kubeadm's /etc/kubernetes/pki and /etc/kubernetes.
	Dir, ConfDir string
	// NodeName is the Node's; AdvertiseAddress and BindPort (0 means 6443) are
	// where its API server listens.
	NodeName         string
	AdvertiseAddress string
	BindPort         int32
	// ServiceSubnets lists the service ranges as CIDRs. The API server's name
	// in the cluster is the first address of the first one.
	ServiceSubnets []string
	DNSDomain      string
	// ClusterName is the name inside the kubeconfigs; "" means kubernetes.
	ClusterName string
	// ControlPlaneEndpoint is host or host:port that all control planes share, "" without one.
	ControlPlaneEndpoint string
	// APIServerSANs, EtcdServerSANs and EtcdPeerSANs are the user's own names and addresses.
	APIServerSANs, EtcdServerSANs, EtcdPeerSANs []string
	// Algorithm is every key's; "" means RSA-2048, as in kubeadm.
	Algorithm Algorithm
	// Validity is a leaf's and CAValidity an authority's; 0 stands for
	// kubeadm's 8760h and 87600h.
	Validity, CAValidity time.Duration
	// ExternalEtcd leaves out what a local etcd member needs.
	ExternalEtcd bool
}

const (
	defaultDir        = "/etc/kubernetes/pki"
	defaultConfDir    = "/etc/kubernetes"
	defaultCluster    = "kubernetes"
	defaultBindPort   = 6443
	defaultValidity   = 8760 * time.Hour
	defaultCAValidity = 87600 * time.Hour
)

// defaulted returns the input with kubeadm's defaults in place of zero values.
func (in Input) defaulted() Input {
	if in.Dir == "" {
		in.Dir = defaultDir
	}
	if in.ConfDir == "" {
		in.ConfDir = defaultConfDir
	}
	if in.ClusterName == "" {
		in.ClusterName = defaultCluster
	}
	if in.BindPort == 0 {
		in.BindPort = defaultBindPort
	}
	if in.Algorithm == "" {
		in.Algorithm = RSA2048
	}
	if in.Validity == 0 {
		in.Validity = defaultValidity
	}
	if in.CAValidity == 0 {
		in.CAValidity = defaultCAValidity
	}
	return in
}

// Validate returns every reason why Table and Kubeconfigs would leave
// something out, joined, or nil.
func (in Input) Validate() error {
	in = in.defaulted()
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if in.NodeName == "" {
		refuse("node name is empty: etcd's certificates and kubelet.conf carry it")
	}
	if netutils.ParseIPSloppy(in.AdvertiseAddress) == nil {
		refuse("advertise address %q is not an IP address", in.AdvertiseAddress)
	}
	if in.BindPort < 1 || in.BindPort > 65535 {
		refuse("bind port %d is not between 1 and 65535", in.BindPort)
	}
	if len(in.ServiceSubnets) == 0 {
		refuse("no service subnet: the API server's certificate needs its first address")
	}
	for _, subnet := range in.ServiceSubnets {
		if _, err := firstAddress(subnet); err != nil {
			refuse("service subnet %w", err)
		}
	}
	if in.ControlPlaneEndpoint != "" {
		if _, _, err := splitEndpoint(in.ControlPlaneEndpoint); err != nil {
			refuse("control plane endpoint %w", err)
		}
	}
	for _, list := range []struct {
		name string
		sans []string
	}{{"apiserver", in.APIServerSANs}, {"etcd server", in.EtcdServerSANs}, {"etcd peer", in.EtcdPeerSANs}} {
		for _, san := range list.sans {
			if !isSAN(san) {
				refuse("%s SAN %q is neither an IP address nor a DNS name: write an address, a name such as api.example.com, or *.example.com", list.name, san)
			}
		}
	}
	if !in.Algorithm.known() {
		refuse("unknown key algorithm %q: use RSA-2048, RSA-3072, RSA-4096, ECDSA-P256 or ECDSA-P384", in.Algorithm)
	}
	if in.Validity < 0 || in.CAValidity < 0 {
		refuse("certificate validity %s and CA validity %s must be positive", in.Validity, in.CAValidity)
	}
	return errors.Join(errs...)
}

// firstAddress returns the address after a CIDR's base, which the service of
// the API server gets.
func firstAddress(cidr string) (net.IP, error) {
	_, subnet, err := netutils.ParseCIDRSloppy(strings.TrimSpace(cidr))
	if err != nil {
		return nil, fmt.Errorf("%q is not a CIDR", cidr)
	}
	ip, err := netutils.GetIndexedIP(subnet, 1)
	if err != nil {
		return nil, fmt.Errorf("%q has no room for the API server's address", cidr)
	}
	return ip, nil
}

// splitEndpoint splits host[:port] as kubeadm does: an IPv6 address without a
// port stands without brackets, and a name must be lower-case.
func splitEndpoint(endpoint string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(endpoint)
	if err != nil {
		host, port = endpoint, ""
	}
	if port != "" {
		if n, err := netutils.ParsePort(port, false); err != nil || n < 1 {
			return "", "", fmt.Errorf("%q: port %s is not a number between 1 and 65535", endpoint, port)
		}
	}
	if net.ParseIP(host) != nil {
		return host, port, nil
	}
	if ip := netutils.ParseIPSloppy(host); ip != nil {
		// With leading zeros every client would look it up as a name.
		return ip.String(), port, nil
	}
	if len(validation.IsDNS1123Subdomain(host)) != 0 {
		return "", "", fmt.Errorf("%q: host %q is neither an IP address nor a lower-case DNS name", endpoint, host)
	}
	return host, port, nil
}
