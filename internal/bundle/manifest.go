package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

// Format is the version of the layout that this package reads and writes.
const Format = 2

// Names of files with a fixed place in every bundle.
const (
	ManifestName  = "manifest.json"
	DigestName    = "manifest.json.sha256" // ManifestName's sha256, as sha256sum writes it
	SignatureName = "manifest.json.sig"
	SBOMName      = "sbom.spdx.json"
	// OCIName is the folder with the OCI image layout.
	OCIName = "oci"
	// BinaryName is the folder with the host's programs.
	BinaryName = "bin"
)

// Manifest says what a bundle holds. Everything else in the bundle hangs on it
// by sha256, so it is all that has to be signed.
type Manifest struct {
	Format int `json:"format"`
	// Kubernetes is the version, such as "v1.37.0".
	Kubernetes string `json:"kubernetes"`
	OS         string `json:"os"`
	Arch       string `json:"arch"`
	// Go is the toolchain that compiled the components; empty when they were
	// taken from a mirror.
	Go         string      `json:"go,omitempty"`
	Components []Component `json:"components"`
	// Files is every file but the manifest, its digest and its signature, and
	// the binaries that are kept in layers; sorted by path.
	Files []File `json:"files"`
	// Binaries are the host's programs, sorted by name.
	Binaries []Binary `json:"binaries"`
	// Images are sorted by reference.
	Images []Image `json:"images"`
}

// Component is an upstream program in the bundle.
type Component struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Module is the Go module or the URL that it comes from.
	Module  string `json:"module,omitempty"`
	License string `json:"license,omitempty"`
}

// File is one file of the bundle.
type File struct {
	// Path is relative to the bundle, with slashes.
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	// Mode holds permission bits only, in octal, such as "0644".
	Mode string `json:"mode"`
}

// Binary is a program for the host. Its bytes are a file of the bundle or, when
// Layer is set, a file in an image layer, so that they are not stored twice.
type Binary struct {
	Name string `json:"name"`
	// Path is where the program lies in an opened bundle: bin/<name>.
	Path string `json:"path"`
	// Layer is the sha256 of the layer that holds the program, and In its path
	// in that layer. Without In it is the layer's tar itself.
	Layer  string `json:"layer,omitempty"`
	In     string `json:"in,omitempty"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// inLayer is true of a file in a layer, wholeLayer of a layer's tar itself.
func (b Binary) inLayer() bool    { return b.Layer != "" && b.In != "" }
func (b Binary) wholeLayer() bool { return b.Layer != "" && b.In == "" }

// Image is a container image. The digests are sha256 in hexadecimal, and name
// files in oci/blobs/sha256.
type Image struct {
	// Reference is whole: registry, repository and tag.
	Reference string   `json:"reference"`
	Manifest  string   `json:"manifest"`
	Config    string   `json:"config"`
	Layers    []string `json:"layers"`
}

// BlobPath is where the blob with that sha256 lies in a bundle.
func BlobPath(digest string) string {
	return path.Join(OCIName, "blobs", "sha256", digest)
}

// Encode writes the manifest as it is stored.
func (m Manifest) Encode() ([]byte, error) {
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ManifestName, err)
	}
	return append(text, '\n'), nil
}

// DecodeManifest reads a manifest and checks that it is well formed: known
// format, no unknown field, safe and unique paths, whole digests.
func DecodeManifest(text []byte) (Manifest, error) {
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return Manifest{}, fmt.Errorf("%s: %w: build or download the bundle again", ManifestName, err)
	}
	if m.Format != Format {
		return Manifest{}, fmt.Errorf("%s: bundle format %d, this program reads %d: use the keelway release that the bundle was made for", ManifestName, m.Format, Format)
	}
	if err := m.check(); err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", ManifestName, err)
	}
	return m, nil
}

func (m Manifest) check() error {
	seen := map[string]bool{ManifestName: true, DigestName: true, SignatureName: true}
	for _, f := range m.Files {
		if err := checkPath(f.Path); err != nil {
			return err
		}
		if seen[f.Path] {
			return fmt.Errorf("%s: listed twice", f.Path)
		}
		seen[f.Path] = true
		if !isDigest(f.SHA256) || f.Size < 0 || (f.Mode != "0644" && f.Mode != "0755") {
			return fmt.Errorf("%s: sha256 %q, size %d or mode %q is not valid", f.Path, f.SHA256, f.Size, f.Mode)
		}
	}
	names := map[string]bool{}
	for _, b := range m.Binaries {
		if names[b.Name] {
			return fmt.Errorf("binary %s: listed twice", b.Name)
		}
		names[b.Name] = true
		if b.Name == "" || strings.ContainsAny(b.Name, "/\\\x00") || b.Path != path.Join(BinaryName, b.Name) {
			return fmt.Errorf("binary %q: path %q is not %s/<name>", b.Name, b.Path, BinaryName)
		}
		if !isDigest(b.SHA256) || b.Size <= 0 {
			return fmt.Errorf("binary %s: sha256 %q or size %d is not valid", b.Name, b.SHA256, b.Size)
		}
		if b.Layer == "" && !seen[b.Path] {
			return fmt.Errorf("binary %s: %s is not among the files", b.Name, b.Path)
		}
		if b.wholeLayer() {
			if b.Layer != b.SHA256 || seen[b.Path] || !seen[BlobPath(b.Layer)] {
				return fmt.Errorf("binary %s: layer %q is not valid", b.Name, b.Layer)
			}
			continue
		}
		if b.Layer != "" && (seen[b.Path] || !isDigest(b.Layer) || checkPath(b.In) != nil || !seen[BlobPath(b.Layer)]) {
			return fmt.Errorf("binary %s: layer %q or path in it %q is not valid", b.Name, b.Layer, b.In)
		}
	}
	return nil
}

// checkPath refuses what could lead out of the bundle's folder.
func checkPath(p string) error {
	if p == "" || path.IsAbs(p) || path.Clean(p) != p || p == ".." || strings.HasPrefix(p, "../") || strings.ContainsAny(p, "\\\x00") {
		return fmt.Errorf("%q: the path would leave the bundle's folder", p)
	}
	return nil
}

func isDigest(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == sha256.Size && strings.ToLower(s) == s
}

// DigestLine is the content of DigestName for a manifest's text.
func DigestLine(manifest []byte) []byte {
	return fmt.Appendf(nil, "%x  %s\n", sha256.Sum256(manifest), ManifestName)
}
