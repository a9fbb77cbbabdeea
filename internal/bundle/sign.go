package bundle

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"keelway.dev/keelway/internal/bundle/archive"
)

// signature is the content of SignatureName, and of the end of an archive.
type signature struct {
	Algorithm string `json:"algorithm"`
	// PublicKey says who signed; whether to trust it is the reader's decision.
	PublicKey []byte `json:"publicKey"`
	Signature []byte `json:"signature"`
}

// Sign signs the manifest of the bundle at path, an archive or a folder, with
// an ed25519 key, and replaces a signature that is there. The bundle itself is
// not checked again, but for the sha256 of the whole archive.
func Sign(path string, key ed25519.PrivateKey) error {
	err := either(path, func(root *os.Root) error {
		raw, err := readManifest(root)
		if err != nil {
			return err
		}
		text, err := encodeSignature(raw, key)
		if err != nil {
			return err
		}
		return replace(filepath.Join(path, SignatureName), func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		})
	}, func(f *os.File) error {
		raw, err := firstEntry(f)
		if err != nil {
			return err
		}
		text, err := encodeSignature(raw, key)
		if err != nil {
			return err
		}
		return replace(path, func(w io.Writer) error { return archive.Resign(w, f, text) })
	})
	if err != nil {
		return fmt.Errorf("cannot sign %s: %w", path, err)
	}
	return nil
}

func encodeSignature(manifest []byte, key ed25519.PrivateKey) ([]byte, error) {
	text, err := json.Marshal(signature{
		Algorithm: "ed25519",
		PublicKey: key.Public().(ed25519.PublicKey),
		Signature: ed25519.Sign(key, manifest),
	})
	return append(text, '\n'), err
}

// checkSignature returns nil for an unsigned bundle when no key is trusted.
func checkSignature(manifest, text []byte, trusted ed25519.PublicKey) error {
	if len(text) == 0 {
		if trusted != nil {
			return errors.New("is not signed: sign it with keelway bundle sign, or verify it without a key")
		}
		return nil
	}
	var s signature
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("%s: %w", SignatureName, err)
	}
	// One text only for each signature, so that no bit of it can change.
	canonical, err := json.Marshal(s)
	if err != nil || !bytes.Equal(append(canonical, '\n'), text) {
		return fmt.Errorf("%s: was altered", SignatureName)
	}
	if s.Algorithm != "ed25519" || len(s.PublicKey) != ed25519.PublicKeySize {
		return fmt.Errorf("%s: algorithm %q with a key of %d bytes is not known: ed25519 is", SignatureName, s.Algorithm, len(s.PublicKey))
	}
	if trusted != nil && !trusted.Equal(ed25519.PublicKey(s.PublicKey)) {
		return fmt.Errorf("%s: was made with another key than the trusted one: do not use this bundle", SignatureName)
	}
	if !ed25519.Verify(s.PublicKey, manifest, s.Signature) {
		return fmt.Errorf("%s: does not fit %s: do not use this bundle", SignatureName, ManifestName)
	}
	return nil
}

func readSignature(root *os.Root) ([]byte, error) {
	text, err := readFile(root, SignatureName, maxDocument)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// GenerateKey writes a new ed25519 key pair: the private key (PKCS #8, 0600) at
// path and the public key (PKIX, 0644) at path.pub. An existing file is kept and
// is an error.
func GenerateKey(path string) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	open, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return err
	}
	if err := writeNew(path, 0o600, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})); err != nil {
		return err
	}
	return writeNew(path+".pub", 0o644, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open}))
}

// ReadPrivateKey reads an ed25519 key in PKCS #8, and refuses one that others may read.
func ReadPrivateKey(path string) (ed25519.PrivateKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key %s: others may read it (mode %v): chmod 600 it, and make a new key if it was shared", path, info.Mode().Perm())
	}
	block, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", path, err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("key %s: is %T, want an ed25519 private key", path, parsed)
	}
	return key, nil
}

// ReadPublicKey reads an ed25519 key in PKIX form.
func ReadPublicKey(path string) (ed25519.PublicKey, error) {
	block, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKIXPublicKey(block)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", path, err)
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("key %s: is %T, want an ed25519 public key", path, parsed)
	}
	return key, nil
}

func readPEM(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("key %s: is not in PEM form", path)
	}
	return block.Bytes, nil
}
