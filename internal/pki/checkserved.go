package pki

import (
	"crypto/x509"
	"time"
)

// CheckServed returns how the certificate that a listener shows, with its
// intermediates, differs from the spec, as Check does of files. The listener
// has proved in the handshake that it holds the key.
func CheckServed(chain []*x509.Certificate, spec Spec, parent *x509.Certificate, now time.Time) []Problem {
	if len(chain) == 0 {
		var found problems
		found.fatal(MissingCert, "it shows no certificate")
		return found
	}
	return checkCert(chain, spec, parent, now)
}
