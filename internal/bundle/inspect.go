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
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if info.IsDir() {
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, nil, err
		}
		defer root.Close()
		if raw, err = readManifest(root); err != nil {
			return nil, nil, err
		}
		signature, err = readSignature(root)
		return raw, signature, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	tail, err := archive.ReadTail(f, info.Size())
	if err != nil {
		return nil, nil, err
	}
	raw, err = firstEntry(f)
	return raw, tail.Signature, err
}

// signer names the key of a signature, which need not be sound.
func signer(text []byte) string {
	var s signature
	if len(text) == 0 || json.Unmarshal(text, &s) != nil {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256(s.PublicKey))
}
