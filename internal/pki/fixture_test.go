package pki

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// clock is every test's now.
func clock() time.Time { return time.Date(2026, 9, 1, 10, 0, 0, 0, time.UTC) }

// simple is the plainest valid input, with small keys.
func simple() Input {
	return Input{
		NodeName: "node-1", AdvertiseAddress: "192.0.2.11",
		ServiceSubnets: []string{"10.96.0.0/12"}, DNSDomain: "cluster.local",
		Algorithm: ECDSAP256,
	}
}

func find(t testing.TB, specs []Spec, name string) Spec {
	t.Helper()
	i := slices.IndexFunc(specs, func(s Spec) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no certificate %s in the table", name)
	}
	return specs[i]
}

func findKubeconfig(t testing.TB, in Input, name string) Kubeconfig {
	t.Helper()
	for _, k := range Kubeconfigs(in) {
		if k.Client.Name == name {
			return k
		}
	}
	t.Fatalf("no kubeconfig %s", name)
	return Kubeconfig{}
}

func mustIssue(t testing.TB, now time.Time, spec Spec, parent *Pair) *Pair {
	t.Helper()
	pair, err := Issue(rand.Reader, now, spec, parent)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// issueAll issues a table; the result is by Base.
func issueAll(t testing.TB, now time.Time, specs []Spec) map[string]*Pair {
	t.Helper()
	pairs := map[string]*Pair{}
	for _, s := range specs {
		pairs[s.Base] = mustIssue(t, now, s, pairs[s.Parent])
	}
	return pairs
}

// describe writes down everything in a certificate but serial number, key,
// signature and, when issuer is nil, times before now.
func describe(cert, issuer *x509.Certificate) string {
	var b strings.Builder
	line := func(name string, value any) { fmt.Fprintf(&b, "  %s: %v\n", name, value) }
	line("version", cert.Version)
	line("subject", cert.Subject.ToRDNSequence())
	line("issuer", cert.Issuer.ToRDNSequence())
	line("lasts", cert.NotAfter.Sub(cert.NotBefore))
	line("key", algorithmOf(cert.PublicKey))
	line("signature", cert.SignatureAlgorithm)
	line("key usage", fmt.Sprintf("%09b", cert.KeyUsage))
	line("extended key usage", cert.ExtKeyUsage)
	line("authority", fmt.Sprint(cert.BasicConstraintsValid, cert.IsCA, cert.MaxPathLen, cert.MaxPathLenZero))
	line("DNS", cert.DNSNames)
	line("IP", cert.IPAddresses)
	line("other names", fmt.Sprint(cert.EmailAddresses, cert.URIs))
	line("subject key ID", len(cert.SubjectKeyId))
	line("authority key ID is the issuer's", issuer != nil && slices.Equal(cert.AuthorityKeyId, issuer.SubjectKeyId))
	for _, e := range cert.Extensions {
		critical := ""
		if e.Critical {
			critical = " critical"
		}
		line("extension", e.Id.String()+critical)
	}
	return b.String()
}

func ed25519Key(t testing.TB) []byte {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
