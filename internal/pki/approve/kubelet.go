// Package approve decides whether a request for a kubelet's serving certificate may be signed.
package approve

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// KubeletServingSigner is the signerName of a kubelet's serving certificate.
const KubeletServingSigner = "kubernetes.io/kubelet-serving"

// ServingRequest is a CertificateSigningRequest of the API: who asks, for
// which signer and usages, and the request itself.
type ServingRequest struct {
	Signer   string
	Username string
	Groups   []string
	// Usages are in the API's words, such as "digital signature".
	Usages []string
	CSR    *x509.CertificateRequest
}

// NodeIdentity is what the API knows about the Node that asks, and what it
// must not get.
type NodeIdentity struct {
	Name string
	// DNSNames and IPs are the Node's status.addresses: Hostname, InternalDNS
	// and ExternalDNS; InternalIP and ExternalIP.
	DNSNames []string
	IPs      []netip.Addr
	// OtherNames and OtherIPs belong to somebody else: every other Node's name
	// and addresses, and the shared endpoint of the control planes unless it
	// is this very Node.
	OtherNames []string
	OtherIPs   []netip.Addr
	// Ranges are the service and pod ranges; DNSDomain the cluster's.
	Ranges    []netip.Prefix
	DNSDomain string
}

// CheckKubeletServingCSR returns nil when the request may be approved and else
// the first reason why not. A Node writes its own status, so its addresses
// alone are no proof: names and addresses that mean the API server, a Service,
// a pod or another Node are refused even when the Node claims them.
func CheckKubeletServingCSR(req ServingRequest, node NodeIdentity) error {
	for _, check := range []func(ServingRequest, NodeIdentity) error{
		checkRequester, checkRequestSubject, checkRequestUsages, checkRequestNames, checkRequestIPs,
	} {
		if err := check(req, node); err != nil {
			return fmt.Errorf("serving certificate for node %s refused: %w", node.Name, err)
		}
	}
	return nil
}

func checkRequester(req ServingRequest, node NodeIdentity) error {
	if req.Signer != KubeletServingSigner {
		return fmt.Errorf("signer is %q, not %s", req.Signer, KubeletServingSigner)
	}
	if req.CSR == nil {
		return errors.New("the request holds no CSR")
	}
	if node.Name == "" || req.Username != "system:node:"+node.Name {
		return fmt.Errorf("asked for by %q, not by system:node:%s", req.Username, node.Name)
	}
	if !slices.Contains(req.Groups, "system:nodes") {
		return fmt.Errorf("%s is not in the group system:nodes", req.Username)
	}
	return nil
}

func checkRequestSubject(req ServingRequest, _ NodeIdentity) error {
	subject := req.CSR.Subject
	if subject.CommonName != req.Username {
		return fmt.Errorf("common name %q is not the user %s", subject.CommonName, req.Username)
	}
	if !slices.Equal(subject.Organization, []string{"system:nodes"}) {
		return fmt.Errorf("organizations are %q, not exactly system:nodes", subject.Organization)
	}
	// The signer copies the subject whole.
	if len(subject.Names) != 2 {
		return fmt.Errorf("subject %s holds more than a common name and an organization", subject)
	}
	if err := req.CSR.CheckSignature(); err != nil {
		return fmt.Errorf("the request is not signed with its own key: %w", err)
	}
	return nil
}

func checkRequestUsages(req ServingRequest, _ NodeIdentity) error {
	key, isRSA := req.CSR.PublicKey.(*rsa.PublicKey)
	if isRSA && key.N.BitLen() < 2048 {
		return fmt.Errorf("RSA key has %d bits, fewer than 2048", key.N.BitLen())
	}
	usages := slices.Sorted(slices.Values(req.Usages))
	if slices.Equal(usages, []string{"digital signature", "server auth"}) {
		return nil
	}
	if !slices.Equal(usages, []string{"digital signature", "key encipherment", "server auth"}) {
		return fmt.Errorf("usages are %q, not exactly digital signature and server auth", req.Usages)
	}
	if !isRSA {
		return errors.New("usage key encipherment is for RSA keys only")
	}
	return nil
}

func checkRequestNames(req ServingRequest, node NodeIdentity) error {
	csr := req.CSR
	if len(csr.EmailAddresses) > 0 {
		return fmt.Errorf("e-mail addresses %q are not allowed", csr.EmailAddresses)
	}
	if len(csr.URIs) > 0 {
		return fmt.Errorf("URIs %q are not allowed", csr.URIs)
	}
	if len(csr.DNSNames)+len(csr.IPAddresses) == 0 {
		return errors.New("it names neither a DNS name nor an IP address")
	}
	for _, name := range csr.DNSNames {
		switch {
		case isClusterName(name, node.DNSDomain):
			return fmt.Errorf("DNS name %q belongs to the cluster, not to a node", name)
		case containsFold(node.OtherNames, name):
			return fmt.Errorf("DNS name %q belongs to somebody else", name)
		case !strings.EqualFold(name, node.Name) && !containsFold(node.DNSNames, name):
			return fmt.Errorf("DNS name %q is neither the node's name nor one of its addresses %q", name, node.DNSNames)
		}
	}
	return nil
}

// isClusterName says whether a name can mean the API server, a Service, a pod
// or every machine itself.
func isClusterName(name, domain string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	domain = strings.Trim(strings.ToLower(domain), ".")
	switch name {
	case "localhost", "kubernetes", "kubernetes.default":
		return true
	}
	if strings.Contains(name, "*") || strings.HasSuffix(name, ".svc") {
		return true
	}
	return domain != "" && (strings.HasSuffix(name, ".svc."+domain) || strings.HasSuffix(name, ".pod."+domain))
}

func checkRequestIPs(req ServingRequest, node NodeIdentity) error {
	for _, raw := range req.CSR.IPAddresses {
		ip, ok := netip.AddrFromSlice(raw)
		ip = ip.Unmap()
		same := func(other netip.Addr) bool { return other.Unmap() == ip }
		switch {
		case !ok:
			return fmt.Errorf("IP address %v is malformed", raw)
		case ip.IsLoopback(), ip.IsUnspecified(), ip.IsLinkLocalUnicast(), ip.IsMulticast():
			return fmt.Errorf("IP address %s is loopback, unspecified, link-local or multicast, which every machine has", ip)
		case slices.ContainsFunc(node.OtherIPs, same):
			return fmt.Errorf("IP address %s belongs to somebody else", ip)
		case !slices.ContainsFunc(node.IPs, same):
			return fmt.Errorf("IP address %s is not one of the node's addresses %v", ip, node.IPs)
		}
		for _, r := range node.Ranges {
			if r.Contains(ip) {
				return fmt.Errorf("IP address %s lies in the service or pod range %s", ip, r)
			}
		}
	}
	return nil
}

func containsFold(list []string, name string) bool {
	return slices.ContainsFunc(list, func(other string) bool { return strings.EqualFold(other, name) })
}
