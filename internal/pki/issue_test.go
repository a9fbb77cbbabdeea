package pki

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

func TestIssueTimesAndSerial(t *testing.T) {
	now := clock().Add(123 * time.Millisecond)
	pairs := issueAll(t, now, Table(simple()))
	serials := map[string]bool{}
	for base, p := range pairs {
		validity := 8760 * time.Hour
		if p.Cert.IsCA {
			validity = 87600 * time.Hour
		}
		if want := clock().Add(-5 * time.Minute); !p.Cert.NotBefore.Equal(want) {
			t.Errorf("%s is valid from %s, want %s", base, p.Cert.NotBefore, want)
		}
		if want := clock().Add(validity); !p.Cert.NotAfter.Equal(want) {
			t.Errorf("%s is valid until %s, want %s", base, p.Cert.NotAfter, want)
		}
		serial := p.Cert.SerialNumber
		if serial.Sign() <= 0 || serial.BitLen() > 63 || serials[serial.String()] {
			t.Errorf("%s has serial number %s", base, serial)
		}
		serials[serial.String()] = true
	}
}

// TestSerialRange holds the ends of the range: never 0, never above 63 bits.
func TestSerialRange(t *testing.T) {
	for fill, want := range map[byte]string{0: "1", 0xff: ""} {
		got, err := template(io.LimitReader(fillReader(fill), 64), clock(), Spec{CommonName: "x"})
		if want == "" {
			// All ones lie outside of the range and are drawn again, until the reader ends.
			if err == nil {
				t.Errorf("serial number %s from all ones", got.SerialNumber)
			}
			continue
		}
		if err != nil || got.SerialNumber.String() != want {
			t.Errorf("serial number %v (%v), want %s", got, err, want)
		}
	}
}

type fillReader byte

func (f fillReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(f)
	}
	return len(p), nil
}

func TestIssueVerifies(t *testing.T) {
	specs := Table(simple())
	pairs := issueAll(t, clock(), specs)
	for _, s := range specs {
		if s.CA {
			continue
		}
		roots := x509.NewCertPool()
		roots.AddCert(pairs[s.Parent].Cert)
		_, err := pairs[s.Base].Cert.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: clock(), KeyUsages: s.extKeyUsage()})
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
}

func TestIssueAlgorithms(t *testing.T) {
	for alg, block := range map[Algorithm]string{
		RSA2048: "RSA PRIVATE KEY", RSA3072: "RSA PRIVATE KEY", RSA4096: "RSA PRIVATE KEY", "": "RSA PRIVATE KEY",
		ECDSAP256: "EC PRIVATE KEY", ECDSAP384: "EC PRIVATE KEY",
	} {
		if testing.Short() && alg == RSA4096 {
			continue
		}
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			pair := mustIssue(t, clock(), Spec{Name: "ca", Base: "ca", CommonName: "kubernetes", CA: true, Algorithm: alg, Validity: time.Hour}, nil)
			want := alg
			if want == "" {
				want = RSA2048
			}
			if got := algorithmOf(pair.Cert.PublicKey); got != want {
				t.Errorf("key is %s", got)
			}
			got, rest := pem.Decode(pair.KeyPEM)
			if got == nil || got.Type != block || len(rest) != 0 {
				t.Errorf("key file is not one block %s", block)
			}
			if got, rest := pem.Decode(pair.CertPEM); got == nil || got.Type != "CERTIFICATE" || len(rest) != 0 {
				t.Errorf("certificate file is not one block")
			}
			if _, err := ParsePair(pair.CertPEM, pair.KeyPEM); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestIssueRefuses(t *testing.T) {
	specs := Table(simple())
	ca := mustIssue(t, clock(), find(t, specs, "ca"), nil)
	leaf := find(t, specs, "apiserver")
	leafPair := mustIssue(t, clock(), leaf, ca)
	for _, tc := range []struct {
		name   string
		change func(*Spec)
		parent *Pair
		now    time.Time
		want   string
	}{
		{"no name", func(s *Spec) { s.CommonName = "" }, ca, clock(), "common name is empty"},
		{"no time", func(s *Spec) { s.Validity = 0 }, ca, clock(), "validity of 0s is not positive"},
		{"negative time", func(s *Spec) { s.Validity = -time.Hour }, ca, clock(), "validity of -1h0m0s is not positive"},
		{"no use", func(s *Spec) { s.Server = false }, ca, clock(), "neither a server nor a client"},
		{"leaf without a parent", func(s *Spec) { s.Parent = "" }, nil, clock(), "a leaf needs a parent"},
		{"parent not given", func(*Spec) {}, nil, clock(), "its issuer ca was not given"},
		{"external CA", func(*Spec) {}, &Pair{Cert: ca.Cert}, clock(), "the key of its issuer ca is not on this host (external CA)"},
		{"issuer is a leaf", func(*Spec) {}, leafPair, clock(), "its issuer ca is not a certificate authority"},
		{"expired issuer", func(*Spec) {}, ca, clock().Add(87601 * time.Hour), "its issuer ca expired on 2036-08-29 10:00 UTC: renew the authority first, or correct the clock (it reads 2036-08-29 11:00 UTC)"},
		{"clock a year slow", func(*Spec) {}, ca, clock().AddDate(-1, 0, 0), "its issuer ca is valid from 2026-09-01 09:55 UTC only: correct the clock (it reads 2025-09-01 10:00 UTC)"},
		{"unknown algorithm", func(s *Spec) { s.Algorithm = "DSA" }, ca, clock(), `unknown key algorithm "DSA"`},
		{"parent for an authority", func(s *Spec) { *s = specs[0] }, ca, clock(), "it signs itself, but a parent was given"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			spec := leaf
			tc.change(&spec)
			pair, err := Issue(rand.Reader, tc.now, spec, tc.parent)
			if err == nil || !strings.HasPrefix(err.Error(), "cannot issue certificate "+spec.Name+": ") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, %v, want %q", pair, err, tc.want)
			}
		})
	}
	broken := errors.New("no entropy")
	if _, err := Issue(iotest.ErrReader(broken), clock(), leaf, ca); !errors.Is(err, broken) {
		t.Errorf("a failing source gives %v", err)
	}
}

// TestIssueForKey certifies the same authority again: what it signed before
// stays valid, and the other way round.
func TestIssueForKey(t *testing.T) {
	specs := Table(simple())
	caSpec, leafSpec := find(t, specs, "ca"), find(t, specs, "apiserver")
	old := mustIssue(t, clock(), caSpec, nil)
	leaf := mustIssue(t, clock(), leafSpec, old)
	renewed, err := IssueForKey(rand.Reader, clock().AddDate(1, 0, 0), caSpec, old.KeyPEM, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(renewed.KeyPEM, old.KeyPEM) || CertHash(renewed.Cert) != CertHash(old.Cert) {
		t.Error("the key is not the same")
	}
	if found := Check(leaf.CertPEM, leaf.KeyPEM, leafSpec, renewed.Cert, clock()); len(found) != 0 {
		t.Errorf("the old leaf has problems: %v", found)
	}
	if _, err := IssueForKey(rand.Reader, clock(), caSpec, []byte("garbage"), nil); err == nil || !strings.Contains(err.Error(), "no PEM private key in it") {
		t.Errorf("got %v", err)
	}
}

func TestIssueConcurrently(t *testing.T) {
	specs := Table(simple())
	ca := mustIssue(t, clock(), specs[0], nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := Issue(rand.Reader, clock(), specs[1], ca); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestCertHash(t *testing.T) {
	cert := readCert(t, "testdata/kubeadm-v1.37.0/default/pki/ca.crt")
	// From openssl x509 -pubkey | openssl pkey -pubin -outform der | sha256sum.
	const want = "sha256:5b82190dfabebc332c815b03a8806a09d62956d43f251d62517e782198c58ad0"
	if got := CertHash(cert); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
