package approve

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func node() NodeIdentity {
	return NodeIdentity{
		Name:       "node-1",
		DNSNames:   []string{"node-1", "node-1.example.com"},
		IPs:        []netip.Addr{netip.MustParseAddr("192.0.2.11"), netip.MustParseAddr("2001:db8::11")},
		OtherNames: []string{"node-2", "api.example.com"},
		OtherIPs:   []netip.Addr{netip.MustParseAddr("192.0.2.12")},
		Ranges:     []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12"), netip.MustParsePrefix("10.244.0.0/16"), netip.MustParsePrefix("fd00:10:96::/112")},
		DNSDomain:  "cluster.local",
	}
}

// claims lets the node's status say that it has the address, which a Node may
// write itself.
func claims(ip string) func(*NodeIdentity) {
	return func(n *NodeIdentity) { n.IPs = append(n.IPs, netip.MustParseAddr(ip)) }
}

func claimsName(name string) func(*NodeIdentity) {
	return func(n *NodeIdentity) { n.DNSNames = append(n.DNSNames, name) }
}

func ips(list ...string) func(*x509.CertificateRequest) {
	return func(c *x509.CertificateRequest) {
		c.IPAddresses = nil
		for _, text := range list {
			c.IPAddresses = append(c.IPAddresses, net.ParseIP(text))
		}
	}
}

func dns(list ...string) func(*x509.CertificateRequest) {
	return func(c *x509.CertificateRequest) { c.DNSNames = list }
}

func TestCheckKubeletServingCSR(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	withEncipherment := func(r *ServingRequest) { r.Usages = append(r.Usages, "key encipherment") }
	for _, tc := range []struct {
		name string
		csr  func(*x509.CertificateRequest)
		key  crypto.Signer
		req  func(*ServingRequest)
		node func(*NodeIdentity)
		want string
	}{
		{name: "what a kubelet asks for"},
		{name: "address only", csr: dns()},
		{name: "name only", csr: ips()},
		{name: "both families", csr: ips("192.0.2.11", "2001:db8::11")},
		{name: "second name in another case", csr: dns("NODE-1.example.com")},
		{name: "RSA with key encipherment", key: rsaKey, req: withEncipherment},
		{name: "RSA without", key: rsaKey},
		{name: "address written as IPv6", node: func(n *NodeIdentity) { n.IPs = []netip.Addr{netip.MustParseAddr("::ffff:192.0.2.11")} }},

		{name: "other signer", req: func(r *ServingRequest) { r.Signer = "kubernetes.io/kube-apiserver-client" },
			want: `signer is "kubernetes.io/kube-apiserver-client", not kubernetes.io/kubelet-serving`},
		{name: "no request", req: func(r *ServingRequest) { r.CSR = nil }, want: "the request holds no CSR"},
		{name: "other node", req: func(r *ServingRequest) { r.Username = "system:node:node-2" },
			want: `asked for by "system:node:node-2", not by system:node:node-1`},
		{name: "person", req: func(r *ServingRequest) { r.Username = "kubernetes-admin" }, want: `asked for by "kubernetes-admin"`},
		{name: "nameless node", req: func(r *ServingRequest) { r.Username = "system:node:" }, node: func(n *NodeIdentity) { n.Name = "" },
			want: `asked for by "system:node:", not by system:node:`},
		{name: "not in the group", req: func(r *ServingRequest) { r.Groups = []string{"system:authenticated"} }, want: "system:node:node-1 is not in the group system:nodes"},

		{name: "name of another", csr: func(c *x509.CertificateRequest) { c.Subject.CommonName = "system:node:node-2" },
			want: `common name "system:node:node-2" is not the user system:node:node-1`},
		{name: "no organization", csr: func(c *x509.CertificateRequest) { c.Subject.Organization = nil }, want: "organizations are [], not exactly system:nodes"},
		{name: "more organizations", csr: func(c *x509.CertificateRequest) {
			c.Subject.Organization = []string{"system:nodes", "system:masters"}
		}, want: `organizations are ["system:nodes" "system:masters"], not exactly system:nodes`},
		{name: "more in the subject", csr: func(c *x509.CertificateRequest) { c.Subject.OrganizationalUnit = []string{"x"} },
			want: "subject CN=system:node:node-1,OU=x,O=system:nodes holds more than"},
		{name: "two common names", csr: func(c *x509.CertificateRequest) {
			c.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: []int{2, 5, 4, 3}, Value: "system:node:node-1"}, {Type: []int{2, 5, 4, 3}, Value: "eve"}, {Type: []int{2, 5, 4, 10}, Value: "system:nodes"}}
		}, want: `common name "eve" is not the user`},
		{name: "two common names, the good one last", csr: func(c *x509.CertificateRequest) {
			c.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: []int{2, 5, 4, 3}, Value: "eve"}, {Type: []int{2, 5, 4, 3}, Value: "system:node:node-1"}, {Type: []int{2, 5, 4, 10}, Value: "system:nodes"}}
		}, want: "holds more than a common name and an organization"},
		{name: "forged signature", req: func(r *ServingRequest) { r.CSR.Signature[len(r.CSR.Signature)-1] ^= 1 }, want: "the request is not signed with its own key"},

		{name: "client usage", req: func(r *ServingRequest) { r.Usages = []string{"digital signature", "client auth"} },
			want: `usages are ["digital signature" "client auth"], not exactly`},
		{name: "client usage too", req: func(r *ServingRequest) { r.Usages = append(r.Usages, "client auth") }, want: "not exactly digital signature and server auth"},
		{name: "usage twice", req: func(r *ServingRequest) { r.Usages = append(r.Usages, "server auth") }, want: "not exactly"},
		{name: "no usages", req: func(r *ServingRequest) { r.Usages = nil }, want: "usages are [], not exactly"},
		{name: "key encipherment with ECDSA", req: withEncipherment, want: "usage key encipherment is for RSA keys only"},

		{name: "names nothing", csr: func(c *x509.CertificateRequest) { c.DNSNames, c.IPAddresses = nil, nil }, want: "it names neither a DNS name nor an IP address"},
		{name: "e-mail", csr: func(c *x509.CertificateRequest) { c.EmailAddresses = []string{"a@example.com"} }, want: `e-mail addresses ["a@example.com"] are not allowed`},
		{name: "URI", csr: func(c *x509.CertificateRequest) { c.URIs = []*url.URL{{Scheme: "spiffe", Host: "x"}} }, want: `URIs ["spiffe://x"] are not allowed`},

		{name: "strange name", csr: dns("node-1", "evil.example.com"), want: `DNS name "evil.example.com" is neither the node's name nor one of its addresses`},
		{name: "another node's name", csr: dns("node-2"), node: claimsName("node-2"), want: `DNS name "node-2" belongs to somebody else`},
		{name: "the endpoint's name", csr: dns("API.example.com"), node: claimsName("api.example.com"), want: `DNS name "API.example.com" belongs to somebody else`},
		{name: "the API server's name", csr: dns("kubernetes.default.svc"), node: claimsName("kubernetes.default.svc"), want: `DNS name "kubernetes.default.svc" belongs to the cluster, not to a node`},
		{name: "the API server's shortest name", csr: dns("kubernetes"), node: claimsName("kubernetes"), want: "belongs to the cluster"},
		{name: "the API server's short name", csr: dns("kubernetes.default"), node: claimsName("kubernetes.default"), want: "belongs to the cluster"},
		{name: "a webhook's name", csr: dns("Hook.ns.SVC."), node: claimsName("hook.ns.svc."), want: "belongs to the cluster"},
		{name: "a full service name", csr: dns("a.b.svc.cluster.local"), node: claimsName("a.b.svc.cluster.local"), want: "belongs to the cluster"},
		{name: "a pod's name", csr: dns("10-244-0-2.b.pod.cluster.local"), node: claimsName("10-244-0-2.b.pod.cluster.local"), want: "belongs to the cluster"},
		{name: "localhost", csr: dns("localhost"), node: claimsName("localhost"), want: `DNS name "localhost" belongs to the cluster`},
		{name: "wildcard", csr: dns("*.example.com"), node: claimsName("*.example.com"), want: `DNS name "*.example.com" belongs to the cluster`},
		{name: "a host in the cluster's domain", csr: dns("node-1.cluster.local"), node: claimsName("node-1.cluster.local")},

		{name: "strange address", csr: ips("192.0.2.99"), want: "IP address 192.0.2.99 is not one of the node's addresses [192.0.2.11 2001:db8::11]"},
		{name: "one good and one strange address", csr: ips("192.0.2.11", "192.0.2.99"), want: "IP address 192.0.2.99 is not one of"},
		{name: "another node's address", csr: ips("192.0.2.12"), node: claims("192.0.2.12"), want: "IP address 192.0.2.12 belongs to somebody else"},
		{name: "the API server's service address", csr: ips("10.96.0.1"), node: claims("10.96.0.1"), want: "IP address 10.96.0.1 lies in the service or pod range 10.96.0.0/12"},
		{name: "a service address, IPv6", csr: ips("fd00:10:96::1"), node: claims("fd00:10:96::1"), want: "lies in the service or pod range fd00:10:96::/112"},
		{name: "a pod's address", csr: ips("10.244.1.5"), node: claims("10.244.1.5"), want: "lies in the service or pod range 10.244.0.0/16"},
		{name: "loopback", csr: ips("127.0.0.1"), node: claims("127.0.0.1"), want: "IP address 127.0.0.1 is loopback"},
		{name: "loopback, IPv6", csr: ips("::1"), node: claims("::1"), want: "IP address ::1 is loopback"},
		{name: "unspecified", csr: ips("0.0.0.0"), node: claims("0.0.0.0"), want: "IP address 0.0.0.0 is loopback, unspecified"},
		{name: "link-local", csr: ips("169.254.169.254"), node: claims("169.254.169.254"), want: "IP address 169.254.169.254 is loopback, unspecified, link-local"},
		{name: "link-local, IPv6", csr: ips("fe80::1"), node: claims("fe80::1"), want: "IP address fe80::1 is loopback, unspecified, link-local"},
		{name: "multicast", csr: ips("224.0.0.1"), node: claims("224.0.0.1"), want: "IP address 224.0.0.1 is loopback, unspecified, link-local or multicast"},
		{name: "malformed address", req: func(r *ServingRequest) { r.CSR.IPAddresses = []net.IP{{1, 2, 3}} }, want: "is malformed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			template := &x509.CertificateRequest{
				Subject:     pkix.Name{CommonName: "system:node:node-1", Organization: []string{"system:nodes"}},
				DNSNames:    []string{"node-1"},
				IPAddresses: []net.IP{net.ParseIP("192.0.2.11")},
			}
			if tc.csr != nil {
				tc.csr(template)
			}
			key := tc.key
			if key == nil {
				key = ec
			}
			req := ServingRequest{
				Signer: KubeletServingSigner, Username: "system:node:node-1",
				Groups: []string{"system:nodes", "system:authenticated"},
				Usages: []string{"digital signature", "server auth"},
				CSR:    parsed(t, template, key),
			}
			if tc.req != nil {
				tc.req(&req)
			}
			identity := node()
			if tc.node != nil {
				tc.node(&identity)
			}
			err := CheckKubeletServingCSR(req, identity)
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tc.want != "" && err == nil:
				t.Errorf("approved, want %q", tc.want)
			case tc.want != "" && !strings.Contains(err.Error(), tc.want):
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestSmallRSAKey needs a request that Go does not sign any more, so the size
// is changed in the parsed one; the signature is checked before and is good.
func TestSmallRSAKey(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	csr := parsed(t, &x509.CertificateRequest{DNSNames: []string{"node-1"}}, key)
	small := key.PublicKey
	small.N = new(big.Int).Rsh(small.N, 1024)
	csr.PublicKey = &small
	err = checkRequestUsages(ServingRequest{CSR: csr}, node())
	if err == nil || !strings.Contains(err.Error(), "RSA key has 1024 bits, fewer than 2048") {
		t.Errorf("got %v", err)
	}
}

func parsed(t *testing.T, template *x509.CertificateRequest, key crypto.Signer) *x509.CertificateRequest {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		t.Fatal(err)
	}
	return csr
}
