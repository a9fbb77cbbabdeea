package operation

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"time"

	"keelway.dev/keelway/internal/pki"
)

// CertificateState is what a certificate says.
type CertificateState struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Names     []string  `json:"names,omitempty"`
	Key       string    `json:"key"`
	CA        bool      `json:"ca,omitempty"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
	// DaysLeft is negative after expiry.
	DaysLeft int `json:"daysLeft"`
}

func certificateState(pem []byte, now time.Time) *CertificateState {
	c, err := pki.ParseCert(pem)
	if err != nil {
		return nil
	}
	s := &CertificateState{
		Subject: c.Subject.String(), Issuer: c.Issuer.String(), CA: c.IsCA, Names: c.DNSNames,
		NotBefore: c.NotBefore, NotAfter: c.NotAfter, DaysLeft: int(c.NotAfter.Sub(now) / (24 * time.Hour)),
		Key: keyName(c),
	}
	for _, ip := range c.IPAddresses {
		s.Names = append(s.Names, ip.String())
	}
	return s
}

func keyName(c *x509.Certificate) string {
	switch k := c.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA-%d", k.N.BitLen())
	}
	return c.PublicKeyAlgorithm.String()
}
