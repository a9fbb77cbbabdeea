// Package listen checks what is shown by those who listen: their certificates.
package listen

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/pki"
	"keelway.dev/keelway/internal/verify/result"
	"keelway.dev/keelway/internal/verify/subject"
)

const (
	kubelet      = "kubelet"
	kubeletPort  = "10250"
	etcdPort     = "2379"
	etcdPeerPort = "2380"
	// soon is when a certificate that nobody renews is worth a word.
	soon = 30 * 24 * time.Hour
	// dialLimit is how long a listener may take to show its certificate.
	dialLimit = 5 * time.Second
)

// listener is one address where a certificate is shown, and which one.
type listener struct {
	address string
	spec    pki.Spec
	// parent is its authority. lax lets another one pass, as the kubelet's own
	// is kubeadm's default.
	parent *x509.Certificate
	lax    bool
}

// Certificates calls every listener and judges what it shows.
func Certificates(ctx context.Context, s *subject.Subject) (o result.Outcome, err error) {
	all, err := listeners(ctx, s)
	if err != nil {
		return o, err
	}
	outcomes := make([]result.Outcome, len(all))
	var wg sync.WaitGroup
	for i, l := range all {
		wg.Go(func() {
			chain, err := shown(ctx, s, l.address)
			if err != nil {
				outcomes[i].Fail(l.address, "%s does not answer: %v", l.spec.Name, err)
				return
			}
			outcomes[i] = judgeListener(l, chain, s.Now())
		})
	}
	wg.Wait()
	good := 0
	for _, one := range outcomes {
		if one.Level() == result.Passed {
			good++
		}
		o.Found = append(o.Found, one.Found...)
	}
	for _, n := range s.Nodes {
		if !slices.Contains(s.Ready, n.Name) {
			o.Skip(n.Name, "is not Ready: its kubelet's port is not asked")
		}
	}
	o.Seen = result.Counted(good, len(all), "listener")
	return o, ctx.Err()
}

// listeners are those of the table: API servers and etcd members by their
// static pods, or the hosts that etcd has for itself; kubelets by their nodes.
func listeners(ctx context.Context, s *subject.Subject) (all []listener, err error) {
	ca, err := pki.ParseCert(s.Client.Config.CAData)
	if err != nil {
		return nil, err
	}
	pods, err := s.Client.Typed.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: "tier=control-plane"})
	if err != nil {
		return nil, err
	}
	var etcdCA *x509.Certificate
	if t, err := s.EtcdTLS(ctx); err == nil {
		etcdCA, _ = pki.ParseCert(t.CA)
	}
	for _, p := range pods.Items {
		host, port, err := net.SplitHostPort(p.Annotations[subject.APIAnnotation])
		if err == nil {
			all = append(all, listener{address: net.JoinHostPort(host, port), spec: specOf(s.Model, "apiserver", p.Spec.NodeName, host), parent: ca})
		}
		for _, text := range strings.Split(p.Annotations[subject.EtcdAnnotation], ",") {
			u, err := url.Parse(text)
			if err != nil || u.Scheme != "https" {
				continue
			}
			all = append(all, member(s.Model, p.Spec.NodeName, u.Host, etcdCA)...)
		}
	}
	for _, m := range s.Machines {
		if m.Etcd != "" {
			all = append(all, member(s.Model, m.Name, net.JoinHostPort(m.Etcd, etcdPort), etcdCA)...)
		}
	}
	for _, n := range s.Nodes {
		if list := subject.Addresses(n); len(list) > 0 && slices.Contains(s.Ready, n.Name) {
			all = append(all, listener{address: net.JoinHostPort(list[0], kubeletPort), parent: ca, lax: !s.Model.Kubelet.ServerTLSBootstrap, spec: pki.Spec{
				Name: kubelet, CommonName: "system:node:" + n.Name, Organizations: []string{"system:nodes"},
				Parent: "ca", Server: true, IPs: []net.IP{net.ParseIP(list[0])},
			}})
		}
	}
	return all, nil
}

// member are the two ports of an etcd member.
func member(m *cluster.Model, name, address string, ca *x509.Certificate) []listener {
	host, _, _ := net.SplitHostPort(address)
	return []listener{
		{address: address, spec: specOf(m, "etcd-server", name, host), parent: ca},
		{address: net.JoinHostPort(host, etcdPeerPort), spec: specOf(m, "etcd-peer", name, host), parent: ca},
	}
}

// specOf is the row of the table for a control plane.
func specOf(m *cluster.Model, name, node, address string) pki.Spec {
	h := m.Hosts[0]
	h.Init.NodeRegistration.Name, h.Init.LocalAPIEndpoint.AdvertiseAddress = node, address
	table := pki.Table(desired.PKI(m, h))
	return table[slices.IndexFunc(table, func(s pki.Spec) bool { return s.Name == name })]
}

// shown is the chain that a listener shows, seen from the control plane.
// Whether it is right is judged afterwards.
func shown(ctx context.Context, s *subject.Subject, address string) ([]*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	conn, err := s.Control.Dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var chain []*x509.Certificate
	client := tls.Client(conn, &tls.Config{
		InsecureSkipVerify: true, //nolint:gosec // the certificate is what is looked at, and nothing is sent
		VerifyConnection:   func(c tls.ConnectionState) error { chain = c.PeerCertificates; return nil },
	})
	if err := client.HandshakeContext(ctx); err != nil && len(chain) == 0 {
		return nil, err
	}
	return chain, nil
}

func judgeListener(l listener, chain []*x509.Certificate, now time.Time) (o result.Outcome) {
	if l.lax && len(chain) > 0 && l.parent != nil && chain[0].CheckSignatureFrom(l.parent) != nil {
		// kubeadm's default: the kubelet signs its own, and the API server does
		// not verify it.
		if now.After(chain[0].NotAfter) {
			o.Fail(l.address, "%s: its own certificate expired on %s", l.spec.Name, chain[0].NotAfter.UTC().Format(time.DateOnly))
		}
		return o
	}
	for _, p := range pki.CheckServed(chain, l.spec, l.parent, now) {
		if p.Kind == pki.ExtraSAN && l.spec.Name == kubelet {
			continue // it asks for every name and address of its host
		}
		if p.Class == pki.Fatal {
			o.Fail(l.address, "%s: %s", l.spec.Name, p.Text)
		} else {
			o.Warn(l.address, "%s: %s", l.spec.Name, p.Text)
		}
	}
	// The kubelet renews its own.
	if len(chain) > 0 && l.spec.Name != kubelet && now.Before(chain[0].NotAfter) && chain[0].NotAfter.Sub(now) < soon {
		o.Warn(l.address, "%s: it expires in %d days", l.spec.Name, int(chain[0].NotAfter.Sub(now).Hours()/24))
	}
	return o
}
