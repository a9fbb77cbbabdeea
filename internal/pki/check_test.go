package pki

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// kinds lists the problems as "class kind", which is what decisions stand on.
func kinds(found []Problem) string {
	var list []string
	for _, p := range found {
		list = append(list, string(p.Class)+" "+string(p.Kind))
	}
	return strings.Join(list, ", ")
}

// TestCheck issues what the changed spec says and checks it against the
// unchanged one.
func TestCheck(t *testing.T) {
	specs := Table(simple())
	ca := mustIssue(t, clock(), find(t, specs, "ca"), nil)
	for _, tc := range []struct {
		name, cert string
		change     func(*Spec)
		now        time.Time
		kinds      string
		text       string
	}{
		{"as issued", "apiserver", func(*Spec) {}, clock(), "", ""},
		{"last second", "apiserver", func(*Spec) {}, clock().Add(8760 * time.Hour), "", ""},
		{"a second later", "apiserver", func(*Spec) {}, clock().Add(8760*time.Hour + time.Second), "fatal expired", "it expired on 2027-09-01 10:00 UTC (the clock reads 2027-09-01 10:00 UTC)"},
		{"five minutes before", "apiserver", func(*Spec) {}, clock().Add(-5 * time.Minute), "", ""},
		{"clock a year slow", "apiserver", func(*Spec) {}, clock().AddDate(-1, 0, 0), "fatal not-yet-valid", "it is valid from 2026-09-01 09:55 UTC only (the clock reads 2025-09-01 10:00 UTC)"},
		{"longer than its issuer", "apiserver", func(s *Spec) { s.Validity = 100000 * time.Hour }, clock(), "advice outlives", "but its issuer expires on 2036-08-29 10:00 UTC"},
		{"other user", "apiserver-kubelet-client", func(s *Spec) { s.CommonName = "x" }, clock(), "fatal subject", `its common name is "x" instead of "kube-apiserver-kubelet-client"`},
		{"group of kubeadm before 1.37", "apiserver-kubelet-client", func(s *Spec) { s.Organizations = []string{"kubeadm:cluster-admins"} }, clock(), "advice subject", "so it has more rights than it needs"},
		{"server as client", "apiserver", func(s *Spec) { s.Server, s.Client = false, true }, clock(), "fatal usage, advice usage", "it may not be used as a server certificate"},
		{"server as both", "apiserver", func(s *Spec) { s.Client = true }, clock(), "advice usage", "it may be used as a client certificate too, which apiserver does not need"},
		{"lacks a name and an address", "apiserver", func(s *Spec) { s.DNSNames, s.IPs = s.DNSNames[1:], s.IPs[:1] }, clock(), "fatal missing-san", "it does not name kubernetes, 192.0.2.11"},
		{"has more", "apiserver", func(s *Spec) {
			s.DNSNames = append(slices.Clone(s.DNSNames), "old.example.com")
			s.IPs = append(slices.Clone(s.IPs), net.IPv4(192, 0, 2, 99))
		}, clock(), "advice extra-san", "it also names old.example.com, 192.0.2.99"},
		{"other algorithm", "apiserver", func(s *Spec) { s.Algorithm = ECDSAP384 }, clock(), "advice algorithm", "its key is ECDSA-P384, the configuration says ECDSA-P256"},
		{"mixed case and order", "apiserver", func(s *Spec) {
			s.DNSNames = []string{"Kubernetes", "node-1", "kubernetes.default.svc.cluster.local", "kubernetes.default.svc", "kubernetes.default"}
			s.IPs = []net.IP{s.IPs[1].To16(), s.IPs[0]}
		}, clock(), "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			spec := find(t, specs, tc.cert)
			changed := spec
			tc.change(&changed)
			pair := mustIssue(t, clock(), changed, ca)
			found := Check(pair.CertPEM, pair.KeyPEM, spec, ca.Cert, tc.now)
			if got := kinds(found); got != tc.kinds {
				t.Errorf("got %q, want %q: %v", got, tc.kinds, found)
			}
			if !strings.Contains(fmt.Sprint(found), tc.text) {
				t.Errorf("got %v, want %q", found, tc.text)
			}
		})
	}
}

// TestCheckFiles looks at what is wrong with the files rather than the fields,
// and at what is decided.
func TestCheckFiles(t *testing.T) {
	specs := Table(simple())
	caSpec, spec, front := find(t, specs, "ca"), find(t, specs, "apiserver"), find(t, specs, "front-proxy-ca")
	ca, other := mustIssue(t, clock(), caSpec, nil), mustIssue(t, clock(), caSpec, nil)
	leaf, foreign := mustIssue(t, clock(), spec, ca), mustIssue(t, clock(), spec, other)
	proxy := mustIssue(t, clock(), front, nil)
	asCA := spec
	asCA.CA, asCA.Parent = true, ""
	selfSigned := mustIssue(t, clock(), asCA, nil)
	ofExample, otherName := caSpec, caSpec
	ofExample.Organizations = []string{"Example"}
	own := mustIssue(t, clock(), ofExample, nil)
	otherName.CommonName = "renamed"
	renamed, err := IssueForKey(rand.Reader, clock(), otherName, ca.KeyPEM, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name      string
		cert, key []byte
		spec      Spec
		parent    *x509.Certificate
		kinds     string
		action    Action
		refusal   string
	}{
		{"nothing there", nil, nil, spec, ca.Cert, "fatal missing-cert, fatal missing-key", Fresh, ""},
		{"key only", nil, leaf.KeyPEM, spec, ca.Cert, "fatal missing-cert", SameKey, ""},
		{"certificate only", leaf.CertPEM, nil, spec, ca.Cert, "fatal missing-key", Fresh, ""},
		{"other key", leaf.CertPEM, foreign.KeyPEM, spec, ca.Cert, "fatal key-mismatch", Fresh, ""},
		{"garbage", []byte("x"), leaf.KeyPEM, spec, ca.Cert, "fatal damaged", Keep, "it may be somebody else's, so it is kept"},
		{"garbage for a key", leaf.CertPEM, []byte("x"), spec, ca.Cert, "fatal damaged", Keep, "the private key cannot be read: no PEM private key in it"},
		{"no certificate, garbage for a key", nil, []byte("x"), spec, ca.Cert, "fatal missing-cert, fatal damaged", Keep, "it may be somebody else's"},
		{"another CA of the same name", foreign.CertPEM, foreign.KeyPEM, spec, ca.Cert, "fatal other-issuer", Keep, `it was signed by another authority that is also called "kubernetes"`},
		{"another CA", leaf.CertPEM, leaf.KeyPEM, spec, proxy.Cert, "fatal other-issuer", Keep, `it was signed by "kubernetes", not by "front-proxy-ca"`},
		{"no CA to compare with", leaf.CertPEM, leaf.KeyPEM, spec, nil, "fatal other-issuer", Keep, "the certificate of its issuer ca is not there to compare with"},
		{"its CA under a new name", leaf.CertPEM, leaf.KeyPEM, spec, renamed.Cert, "fatal other-issuer", Keep, `it was signed by "kubernetes", not by "renamed"`},
		{"authority with an organization", own.CertPEM, own.KeyPEM, caSpec, nil, "", Keep, ""},
		{"CA in place of a leaf", selfSigned.CertPEM, selfSigned.KeyPEM, spec, ca.Cert, "fatal is-ca, fatal other-issuer", Keep, "somebody else's"},
		{"with its CA behind it", append(bytes.Clone(leaf.CertPEM), ca.CertPEM...), leaf.KeyPEM, spec, ca.Cert, "", Keep, ""},
		{"authority as issued", ca.CertPEM, ca.KeyPEM, caSpec, nil, "", Keep, ""},
		{"no authority yet", nil, nil, caSpec, nil, "fatal missing-cert, fatal missing-key", Fresh, ""},
		{"authority's key only", nil, ca.KeyPEM, caSpec, nil, "fatal missing-cert", SameKey, ""},
		{"external authority", ca.CertPEM, nil, caSpec, nil, "advice missing-key", Keep, ""},
		{"authority with another's key", ca.CertPEM, other.KeyPEM, caSpec, nil, "fatal key-mismatch", Keep, "certificate authority ca: the private key does not belong to the certificate: it is never replaced on its own"},
		{"leaf in place of an authority", leaf.CertPEM, leaf.KeyPEM, caSpec, nil, "fatal not-ca, advice subject, fatal usage", Keep, "it is not a certificate authority: it is never replaced"},
		{"authority of another name", proxy.CertPEM, proxy.KeyPEM, caSpec, nil, "advice subject", Keep, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			found := Check(tc.cert, tc.key, tc.spec, tc.parent, clock())
			if got := kinds(found); got != tc.kinds {
				t.Errorf("got %q, want %q: %v", got, tc.kinds, found)
			}
			action, err := Decide(tc.spec, found, true)
			if action != tc.action || (err == nil) != (tc.refusal == "") || err != nil && !strings.Contains(err.Error(), tc.refusal) {
				t.Errorf("decided %s, %v, want %s, %q", action, err, tc.action, tc.refusal)
			}
		})
	}
}

func TestDecideExternalCA(t *testing.T) {
	spec := find(t, Table(simple()), "apiserver")
	_, err := Decide(spec, []Problem{{Expired, Fatal, "it expired"}}, false)
	if err == nil || !strings.Contains(err.Error(), "apiserver: it expired: the key of its issuer ca is not on this host (external CA)") {
		t.Errorf("got %v", err)
	}
	if action, err := Decide(spec, []Problem{{OtherKey, Advice, "x"}}, false); action != Keep || err != nil {
		t.Errorf("advice alone: %s, %v", action, err)
	}
	if action, err := Decide(spec, []Problem{{Expired, Fatal, "it expired"}}, true); action != Fresh || err != nil {
		t.Errorf("expired with its CA here: %s, %v", action, err)
	}
}

// TestCheckKeepsWhatItIssues is the rule that makes a second run do nothing.
func TestCheckKeepsWhatItIssues(t *testing.T) {
	for name, in := range kubeadmCases() {
		in.Algorithm = ECDSAP256
		pairs := issueAll(t, clock(), Table(in))
		for _, s := range Table(in) {
			var parent *x509.Certificate
			if s.Parent != "" {
				parent = pairs[s.Parent].Cert
			}
			if found := Check(pairs[s.Base].CertPEM, pairs[s.Base].KeyPEM, s, parent, clock()); len(found) != 0 {
				t.Errorf("%s: %s: %v", name, s.Name, found)
			}
		}
	}
}
