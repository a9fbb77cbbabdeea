package pki

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// Check returns how an existing certificate and key differ from the spec, in a
// fixed order; nil means not at all. Empty PEM means that the file does not
// exist. The parent is the issuer's certificate, nil for a self-signed one.
func Check(certPEM, keyPEM []byte, spec Spec, parent *x509.Certificate, now time.Time) []Problem {
	var found problems
	var public crypto.PublicKey
	if len(certPEM) == 0 {
		found.fatal(MissingCert, "there is no certificate")
	} else if chain, err := parseChain(certPEM); err != nil {
		found.fatal(Damaged, "the certificate cannot be read: %v", err)
	} else {
		public = chain[0].PublicKey
		found = append(found, checkCert(chain, spec, parent, now)...)
	}
	return append(found, checkKey(keyPEM, public, spec)...)
}

// checkKey looks at a private key; public is nil without a readable certificate.
func checkKey(keyPEM []byte, public crypto.PublicKey, spec Spec) []Problem {
	var found problems
	if len(keyPEM) == 0 {
		if !spec.CA || public == nil {
			found.fatal(MissingKey, "there is no private key")
		} else {
			found.advise(MissingKey, "the authority's key is not here (external CA): certificates cannot be issued or renewed on this host")
		}
		return found
	}
	key, err := parseKey(keyPEM)
	switch {
	case err != nil:
		found.fatal(Damaged, "the private key cannot be read: %v", err)
	case public != nil && !samePublic(key.Public(), public):
		found.fatal(KeyMismatch, "the private key does not belong to the certificate")
	}
	return found
}

// checkCert looks at a certificate with its intermediates.
func checkCert(chain []*x509.Certificate, spec Spec, parent *x509.Certificate, now time.Time) []Problem {
	cert := chain[0]
	var found problems
	switch {
	case spec.CA && !cert.IsCA:
		found.fatal(NotCA, "it is not a certificate authority")
	case !spec.CA && cert.IsCA:
		found.fatal(IsCA, "it is a certificate authority, which %s must not be", spec.Name)
	}
	found = append(found, checkIssuer(chain, spec, parent, now)...)
	found = append(found, checkPeriod(cert, parent, now)...)
	found = append(found, checkSubject(cert, spec)...)
	found = append(found, checkUsage(cert, spec)...)
	found = append(found, checkSANs(cert, spec)...)
	if alg := algorithmOf(cert.PublicKey); spec.Algorithm != "" && alg != spec.Algorithm {
		found.advise(OtherKey, "its key is %s, the configuration says %s", alg, spec.Algorithm)
	}
	return found
}

// checkIssuer verifies the signature. An authority may be signed by a higher
// one, as an external CA often is.
func checkIssuer(chain []*x509.Certificate, spec Spec, parent *x509.Certificate, now time.Time) []Problem {
	cert := chain[0]
	var found problems
	if parent == nil {
		if spec.Parent != "" {
			found.fatal(OtherIssuer, "the certificate of its issuer %s is not there to compare with", spec.Parent)
		} else if cert.IsCA && bytes.Equal(cert.RawIssuer, cert.RawSubject) {
			if err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
				found.fatal(Damaged, "its own signature cannot be verified: %v", err)
			}
		}
		return found
	}
	sameName := bytes.Equal(cert.RawIssuer, parent.RawSubject)
	direct := cert.CheckSignatureFrom(parent)
	if sameName && direct == nil {
		return nil
	}
	err := verifyChain(chain, parent, now)
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if now.After(cert.NotAfter) || now.Before(cert.NotBefore) {
			break // checkPeriod says so
		}
		found.fatal(Expired, "an authority between it and %s is not valid: %s", spec.Parent, invalid.Detail)
	case sameName:
		found.fatal(OtherIssuer, "it was signed by another authority that is also called %q (%v)", cert.Issuer.CommonName, direct)
	default:
		found.fatal(OtherIssuer, "it was signed by %q, not by %q", cert.Issuer.CommonName, parent.Subject.CommonName)
	}
	return found
}

// verifyChain verifies a certificate through the intermediates in its file, at
// a time when itself is valid, because checkPeriod looks at that.
func verifyChain(chain []*x509.Certificate, parent *x509.Certificate, now time.Time) error {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(parent)
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if now.After(chain[0].NotAfter) {
		now = chain[0].NotAfter
	}
	if now.Before(chain[0].NotBefore) {
		now = chain[0].NotBefore
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	return err
}

func checkPeriod(cert, parent *x509.Certificate, now time.Time) []Problem {
	var found problems
	switch {
	case now.After(cert.NotAfter):
		found.fatal(Expired, "it expired on %s (the clock reads %s)", date(cert.NotAfter), date(now))
	case now.Before(cert.NotBefore):
		found.fatal(NotYetValid, "it is valid from %s only (the clock reads %s)", date(cert.NotBefore), date(now))
	}
	if parent != nil && cert.NotAfter.After(parent.NotAfter) {
		found.advise(Outlives, "it says it is valid until %s, but its issuer expires on %s, and it with it", date(cert.NotAfter), date(parent.NotAfter))
	}
	return found
}

// checkSubject compares what the API server reads as user and groups. An
// authority's name means nothing to anyone, so an external one keeps its own.
func checkSubject(cert *x509.Certificate, spec Spec) []Problem {
	var found problems
	is, want := cert.Subject.CommonName, spec.CommonName
	switch {
	case is == want:
	case spec.CA:
		found.advise(Subject, "its common name is %q, kubeadm's would be %q", is, want)
	default:
		found.fatal(Subject, "its common name is %q instead of %q", is, want)
	}
	if spec.CA || sameSet(cert.Subject.Organization, spec.Organizations) {
		return found
	}
	text := fmt.Sprintf("its organizations are %q instead of %q", cert.Subject.Organization, spec.Organizations)
	for _, o := range spec.Organizations {
		if !slices.Contains(cert.Subject.Organization, o) {
			found.fatal(Subject, "%s", text)
			return found
		}
	}
	// More groups than asked for, such as the system:masters that kubeadm
	// before 1.29 gave to admin.conf: it works, and has more rights.
	found.advise(Subject, "%s, so it has more rights than it needs", text)
	return found
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// checkUsage compares what the certificate may be used for.
func checkUsage(cert *x509.Certificate, spec Spec) []Problem {
	var found problems
	if spec.CA {
		if cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageCertSign == 0 {
			found.fatal(Usage, "it may not sign certificates")
		}
		return found
	}
	if cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		found.fatal(Usage, "it may not be used for digital signatures, which TLS needs")
	}
	for _, u := range []struct {
		usage  x509.ExtKeyUsage
		wanted bool
		name   string
	}{{x509.ExtKeyUsageServerAuth, spec.Server, "server"}, {x509.ExtKeyUsageClientAuth, spec.Client, "client"}} {
		has := slices.Contains(cert.ExtKeyUsage, u.usage) || slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageAny)
		switch {
		case u.wanted && !has:
			found.fatal(Usage, "it may not be used as a %s certificate", u.name)
		case has && !u.wanted:
			found.advise(Usage, "it may be used as a %s certificate too, which %s does not need", u.name, spec.Name)
		}
	}
	return found
}

// checkSANs names every name and address that clients use and the certificate
// lacks, and in one line those it has besides.
func checkSANs(cert *x509.Certificate, spec Spec) []Problem {
	var found problems
	if spec.CA {
		return nil
	}
	var missing, extra []string
	for _, name := range spec.DNSNames {
		// VerifyHostname lets a wildcard of the certificate stand for the name.
		if !containsFold(cert.DNSNames, name) && cert.VerifyHostname(name) != nil {
			missing = append(missing, name)
		}
	}
	for _, ip := range spec.IPs {
		if !slices.ContainsFunc(cert.IPAddresses, ip.Equal) {
			missing = append(missing, ip.String())
		}
	}
	for _, name := range cert.DNSNames {
		if !containsFold(spec.DNSNames, name) {
			extra = append(extra, name)
		}
	}
	for _, ip := range cert.IPAddresses {
		if !slices.ContainsFunc(spec.IPs, func(want net.IP) bool { return want.Equal(ip) }) {
			extra = append(extra, ip.String())
		}
	}
	if len(missing) > 0 {
		found.fatal(MissingSAN, "it does not name %s", strings.Join(missing, ", "))
	}
	if len(extra) > 0 {
		found.advise(ExtraSAN, "it also names %s", strings.Join(extra, ", "))
	}
	return found
}

func containsFold(list []string, name string) bool {
	return slices.ContainsFunc(list, func(other string) bool { return strings.EqualFold(other, name) })
}
