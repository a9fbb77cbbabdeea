package pki

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

// custom signs a certificate with fields that Issue never writes.
func custom(t *testing.T, template *x509.Certificate, parent *Pair) *Pair {
	t.Helper()
	key, err := generate(rand.Reader, ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(7)
	if template.NotBefore.IsZero() {
		template.NotBefore, template.NotAfter = clock().Add(-time.Hour), clock().Add(time.Hour)
	}
	issuer, issuerKey := template, key
	if parent != nil {
		issuer, issuerKey = parent.Cert, parent.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), issuerKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &Pair{Cert: cert, Key: key, CertPEM: encodeCert(cert), KeyPEM: keyPEM}
}

// TestCheckOthersWork looks at certificates (not at keys) made by other tools.
func TestCheckOthersWork(t *testing.T) {
	specs := Table(simple())
	root := mustIssue(t, clock(), find(t, specs, "ca"), nil)
	between := func(from, to time.Time) *Pair {
		return custom(t, &x509.Certificate{
			Subject: pkix.Name{CommonName: "between"}, BasicConstraintsValid: true, IsCA: true,
			KeyUsage: x509.KeyUsageCertSign, NotBefore: from, NotAfter: to,
		}, root)
	}
	spec := find(t, specs, "apiserver")
	good := between(clock().Add(-time.Hour), clock().Add(time.Hour))
	late := between(clock().Add(-2*time.Hour), clock().Add(-time.Hour))
	leaf := func(change func(*x509.Certificate), parent *Pair) *Pair {
		c := &x509.Certificate{
			Subject: pkix.Name{CommonName: "kube-apiserver"}, DNSNames: spec.DNSNames, IPAddresses: spec.IPs,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
		}
		change(c)
		return custom(t, c, parent)
	}
	viaGood, viaLate := leaf(func(*x509.Certificate) {}, good), leaf(func(*x509.Certificate) {}, late)
	long := between(clock().Add(-9*time.Hour), clock().Add(9*time.Hour))
	during := func(from, to int) []byte {
		l := leaf(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = clock().Add(time.Duration(from)*time.Hour), clock().Add(time.Duration(to)*time.Hour)
		}, long)
		return append(l.CertPEM, long.CertPEM...)
	}
	next := between(clock().Add(24*time.Hour), clock().Add(48*time.Hour))
	tomorrow := func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = clock().Add(25*time.Hour), clock().Add(26*time.Hour)
	}
	wild := spec
	wild.DNSNames = append(slices.Clone(spec.DNSNames), "api.example.com", "*.example.net")
	for _, tc := range []struct {
		name   string
		cert   []byte
		spec   Spec
		parent *x509.Certificate
		kinds  string
		text   string
	}{
		{"intermediate in the file", append(bytes.Clone(viaGood.CertPEM), good.CertPEM...), spec, root.Cert, "", ""},
		{"intermediate not in the file", viaGood.CertPEM, spec, root.Cert, "fatal other-issuer", `it was signed by "between", not by "kubernetes"`},
		{"intermediate expired", append(bytes.Clone(viaLate.CertPEM), late.CertPEM...), spec, root.Cert, "fatal expired", "an authority between it and ca is not valid"},
		{"intermediate good, leaf expired", during(-3, -2), spec, root.Cert, "fatal expired", "it expired on 2026-09-01 08:00 UTC"},
		{"intermediate good, leaf of tomorrow", during(2, 3), spec, root.Cert, "fatal not-yet-valid", "it is valid from 2026-09-01 12:00 UTC only"},
		{"expired and by another CA", append(bytes.Clone(during(-3, -2)), long.CertPEM...), spec, mustIssue(t, clock(), specs[0], nil).Cert, "fatal other-issuer, fatal expired", "it was signed by"},
		{"of tomorrow and by another CA", append(bytes.Clone(during(2, 3)), long.CertPEM...), spec, mustIssue(t, clock(), specs[0], nil).Cert, "fatal other-issuer, fatal not-yet-valid", "it was signed by"},
		{"leaf of tomorrow, intermediate of tomorrow", append(leaf(tomorrow, next).CertPEM, next.CertPEM...), spec, root.Cert, "fatal not-yet-valid", ""},
		{"only key encipherment", leaf(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }, root).CertPEM, spec, root.Cert, "fatal usage", "digital signatures"},
		{"any use", leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }, root).CertPEM, spec, root.Cert, "advice usage", "as a client certificate too"},
		{"wildcard stands for a name", leaf(func(c *x509.Certificate) {
			c.DNSNames = append(slices.Clone(c.DNSNames), "*.example.com", "*.example.net")
		}, root).CertPEM, wild, root.Cert, "advice extra-san", "it also names *.example.com"},
		{"intermediate as the cluster CA", good.CertPEM, specs[0], nil, "advice subject", `its common name is "between"`},
		{"CA that may not sign", custom(t, &x509.Certificate{Subject: pkix.Name{CommonName: "kubernetes"}, BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageDigitalSignature}, nil).CertPEM, specs[0], nil, "fatal usage", "it may not sign certificates"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			chain, err := parseChain(tc.cert)
			if err != nil {
				t.Fatal(err)
			}
			found := checkCert(chain, tc.spec, tc.parent, clock())
			if got := kinds(found); got != tc.kinds || !strings.Contains(fmt.Sprint(found), tc.text) {
				t.Errorf("got %q, want %q: %v", got, tc.kinds, found)
			}
		})
	}
}

// TestCheckForgedSelf changes a byte of a self-signed authority's signature.
func TestCheckForgedSelf(t *testing.T) {
	spec := find(t, Table(simple()), "ca")
	pair := mustIssue(t, clock(), spec, nil)
	forged := *pair.Cert
	forged.Raw = bytes.Clone(forged.Raw)
	forged.Raw[len(forged.Raw)-1] ^= 1
	found := Check(encodeCert(&forged), pair.KeyPEM, spec, nil, clock())
	if got := kinds(found); got != "fatal damaged" {
		t.Errorf("got %q: %v", got, found)
	}
}
