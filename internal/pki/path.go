package pki

import "path"

// CertPath is where the certificate lies.
func (s Spec) CertPath() string { return path.Join(s.Dir, s.Base+".crt") }

// KeyPath is where the private key lies.
func (s Spec) KeyPath() string { return path.Join(s.Dir, s.Base+".key") }

// ParentCertPath is where the issuer's certificate lies; a self-signed one's is its own.
func (s Spec) ParentCertPath() string {
	if s.Parent == "" {
		return s.CertPath()
	}
	return path.Join(s.Dir, s.Parent+".crt")
}

// ParentKeyPath is where the issuer's private key lies.
func (s Spec) ParentKeyPath() string {
	if s.Parent == "" {
		return s.KeyPath()
	}
	return path.Join(s.Dir, s.Parent+".key")
}
