// Package hardening writes the files that the API server reads in the hardened profile.
package hardening

// KeyPlaceholder stands for the base64 of the key's 32 random bytes.
const KeyPlaceholder = "@KEY@"

// Encryption is the EncryptionConfiguration: new Secrets are sealed with
// secretbox (XSalsa20 and Poly1305); identity, the last, can still read what
// was written before.
func Encryption() []byte {
	return []byte(`apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources:
  - secrets
  providers:
  - secretbox:
      keys:
      - name: key1
        secret: ` + KeyPlaceholder + `
  - identity: {}
`)
}
