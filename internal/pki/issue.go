package pki

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"time"
)

// backdate is how far notBefore lies before now, so that a machine whose clock
// is a little late can already use the certificate. kubeadm's figure.
const backdate = 5 * time.Minute

// Pair is a certificate with its private key, parsed and as PEM.
type Pair struct {
	Cert            *x509.Certificate
	Key             crypto.Signer
	CertPEM, KeyPEM []byte
}

// Issue makes a key and a certificate for it: self-signed when parent is nil,
// else signed by parent. It is safe for concurrent use if the reader is.
//
// The reader gives the serial number; Go itself takes keys and signatures from
// the system's secure source, whatever reader it is passed.
func Issue(random io.Reader, now time.Time, spec Spec, parent *Pair) (*Pair, error) {
	key, err := generate(random, spec.Algorithm)
	if err != nil {
		return nil, fmt.Errorf("cannot issue certificate %s: %w", spec.Name, err)
	}
	return issueFor(random, now, spec, key, parent)
}

// IssueForKey makes a certificate for an existing private key, whose algorithm
// may differ from the spec's. What an authority signed before stays valid.
func IssueForKey(random io.Reader, now time.Time, spec Spec, keyPEM []byte, parent *Pair) (*Pair, error) {
	key, err := parseKey(keyPEM)
	if err != nil {
		return nil, fmt.Errorf("cannot issue certificate %s for the existing key: %w", spec.Name, err)
	}
	return issueFor(random, now, spec, key, parent)
}

func issueFor(random io.Reader, now time.Time, spec Spec, key crypto.Signer, parent *Pair) (*Pair, error) {
	cert, err := sign(random, now, spec, key, parent)
	if err != nil {
		return nil, fmt.Errorf("cannot issue certificate %s: %w", spec.Name, err)
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return nil, fmt.Errorf("cannot issue certificate %s: %w", spec.Name, err)
	}
	return &Pair{Cert: cert, Key: key, CertPEM: encodeCert(cert), KeyPEM: keyPEM}, nil
}

func sign(random io.Reader, now time.Time, spec Spec, key crypto.Signer, parent *Pair) (*x509.Certificate, error) {
	if err := issuable(now, spec, parent); err != nil {
		return nil, err
	}
	template, err := template(random, now, spec)
	if err != nil {
		return nil, err
	}
	issuer, issuerKey := template, key
	if parent != nil {
		issuer, issuerKey = parent.Cert, parent.Key
	}
	der, err := x509.CreateCertificate(random, template, issuer, key.Public(), issuerKey)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// issuable refuses what would make a certificate that nobody accepts.
func issuable(now time.Time, spec Spec, parent *Pair) error {
	switch {
	case spec.CommonName == "":
		return errors.New("its common name is empty")
	case spec.Validity <= 0 && !spec.Lax:
		return fmt.Errorf("its validity of %s is not positive", spec.Validity)
	case !spec.CA && !spec.Server && !spec.Client:
		return errors.New("it is for neither a server nor a client")
	case spec.CA != (spec.Parent == ""):
		return errors.New("an authority signs itself and a leaf needs a parent")
	case spec.Parent == "" && parent != nil:
		return errors.New("it signs itself, but a parent was given")
	case spec.Parent == "":
		return nil
	case parent == nil || parent.Cert == nil:
		return fmt.Errorf("its issuer %s was not given", spec.Parent)
	case parent.Key == nil:
		return fmt.Errorf("the key of its issuer %s is not on this host (external CA): have the certificate signed where the key is", spec.Parent)
	case spec.Lax:
		return nil
	case !parent.Cert.IsCA:
		return fmt.Errorf("its issuer %s is not a certificate authority", spec.Parent)
	case now.After(parent.Cert.NotAfter):
		return fmt.Errorf("its issuer %s expired on %s: renew the authority first, or correct the clock (it reads %s)", spec.Parent, date(parent.Cert.NotAfter), date(now))
	case now.Before(parent.Cert.NotBefore):
		return fmt.Errorf("its issuer %s is valid from %s only: correct the clock (it reads %s)", spec.Parent, date(parent.Cert.NotBefore), date(now))
	}
	return nil
}

// template holds kubeadm's fields. Key encipherment stands in ECDSA
// certificates too, where it means nothing, because kubeadm writes it.
func template(random io.Reader, now time.Time, spec Spec) (*x509.Certificate, error) {
	// Uniform over 1 .. 2^63-2.
	serial, err := rand.Int(random, big.NewInt(math.MaxInt64-1))
	if err != nil {
		return nil, fmt.Errorf("draw a serial number: %w", err)
	}
	t := &x509.Certificate{
		SerialNumber:          serial.Add(serial, big.NewInt(1)),
		Subject:               pkix.Name{CommonName: spec.CommonName, Organization: spec.Organizations},
		NotBefore:             now.UTC().Add(-backdate),
		NotAfter:              now.UTC().Add(spec.Validity),
		KeyUsage:              x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           spec.extKeyUsage(),
		BasicConstraintsValid: true,
		IsCA:                  spec.CA,
		DNSNames:              spec.DNSNames,
		IPAddresses:           spec.IPs,
	}
	if spec.CA {
		t.KeyUsage |= x509.KeyUsageCertSign
	}
	return t, nil
}

// extKeyUsage lists server before client, as kubeadm does.
func (s Spec) extKeyUsage() []x509.ExtKeyUsage {
	var usages []x509.ExtKeyUsage
	if s.Server {
		usages = append(usages, x509.ExtKeyUsageServerAuth)
	}
	if s.Client {
		usages = append(usages, x509.ExtKeyUsageClientAuth)
	}
	return usages
}

func encodeCert(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: cert.Raw})
}

// parseChain returns every certificate of the PEM, at least one.
func parseChain(data []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != certificateBlock {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d in it is damaged: %w", len(chain)+1, err)
		}
		chain = append(chain, cert)
	}
	if len(chain) == 0 {
		return nil, errors.New("no PEM certificate in it")
	}
	return chain, nil
}

// ParseCert returns the first certificate of the PEM: the owner's, which comes
// before its intermediates.
func ParseCert(certPEM []byte) (*x509.Certificate, error) {
	chain, err := parseChain(certPEM)
	if err != nil {
		return nil, err
	}
	return chain[0], nil
}

// ParsePair returns the first certificate and the first key, and an error when
// either is damaged or they do not belong together.
func ParsePair(certPEM, keyPEM []byte) (*Pair, error) {
	cert, err := ParseCert(certPEM)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(keyPEM)
	if err != nil {
		return nil, err
	}
	if !samePublic(key.Public(), cert.PublicKey) {
		return nil, fmt.Errorf("private key does not belong to certificate %q", cert.Subject.CommonName)
	}
	return &Pair{Cert: cert, Key: key, CertPEM: bytes.Clone(certPEM), KeyPEM: bytes.Clone(keyPEM)}, nil
}

func samePublic(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b)
}

// CertHash returns the pin that kubeadm join takes as
// --discovery-token-ca-cert-hash: "sha256:" and the hex digest of the public
// key in its SubjectPublicKeyInfo form.
func CertHash(cert *x509.Certificate) string {
	digest := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return "sha256:" + hex.EncodeToString(digest[:])
}

// CertHashes returns the pin of each certificate in the PEM, at least one.
func CertHashes(certPEM []byte) ([]string, error) {
	chain, err := parseChain(certPEM)
	if err != nil {
		return nil, err
	}
	var pins []string
	for _, c := range chain {
		pins = append(pins, CertHash(c))
	}
	return pins, nil
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
