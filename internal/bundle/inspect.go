package bundle

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"

	"keelway.dev/keelway/internal/bundle/archive"
)

// Inspection is what a bundle says of itself, before anything is verified.
type Inspection struct {
	Manifest Manifest `json:"manifest"`
	// ID is the manifest's sha256 in hexadecimal.
	ID string `json:"id"`
	// Unpacked is the sum of all files' sizes in bytes.
	Unpacked int64 `json:"unpacked"`
	// SignedBy is the sha256 of the signer's public key; empty when unsigned.
	SignedBy string `json:"signedBy,omitempty"`
}

// Inspect reads the manifest of the bundle at path, an archive or a folder, and
// nothing else of it.
func Inspect(path string) (Inspection, error) {
	raw, signature, err := describe(path)
	if err != nil {
		return Inspection{}, fmt.Errorf("bundle %s: %w", path, err)
	}
	m, err := DecodeManifest(raw)
	if err != nil {
		return Inspection{}, fmt.Errorf("bundle %s: %w", path, err)
	}
	i := Inspection{Manifest: m, ID: identity(raw), SignedBy: signer(signature)}
	for _, f := range m.Files {
		i.Unpacked += f.Size
	}
	return i, nil
}

// describe reads the manifest's text and the signature's.
func describe(path string) (raw, signature []byte, err error) {
	err = either(path, func(root *os.Root) (err error) {
		if raw, err = readManifest(root); err != nil {
			return err
		}
		signature, err = readSignature(root)
		return err
	}, func(f *os.File) error {
		tail, err := archive.ReadTail(f)
		if err != nil {
			return err
		}
		signature = tail.Signature
		raw, err = firstEntry(f)
		return err
	})
	return raw, signature, err
}

// signer names the key of a signature, which need not be sound.
func signer(text []byte) string {
	var s signature
	if len(text) == 0 || json.Unmarshal(text, &s) != nil {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256(s.PublicKey))
}
