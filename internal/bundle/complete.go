package bundle

import (
	"encoding/json"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Want is what a bundle must hold to be complete for a purpose. The zero value
// asks for nothing.
type Want struct {
	// Kubernetes is the version; empty for any.
	Kubernetes string
	// OS and Arch are Go's names; empty for any.
	OS, Arch string
	// Images are whole references; Binaries are names of programs.
	Images, Binaries []string
}

// Annotations by which containerd's importer names an image.
const (
	AnnotationRef  = "org.opencontainers.image.ref.name"
	AnnotationName = "io.containerd.image.name"
)

// finish reports the first file that is missing, and checks that the images fit
// together and that nothing that is wanted is absent.
func (c *checker) finish(want Want) error {
	for _, f := range c.manifest.Files {
		if !c.done[f.Path] {
			return fmt.Errorf("%s: is missing: build or download the bundle again", f.Path)
		}
	}
	for _, b := range c.manifest.Binaries {
		if b.inLayer() && !c.done[b.Path] {
			return fmt.Errorf("binary %s: %s is not in layer %s", b.Name, b.In, b.Layer)
		}
		if file, ok := c.files[b.Path]; ok && (file.SHA256 != b.SHA256 || file.Size != b.Size) {
			return fmt.Errorf("binary %s: its sha256 or size differs from that of %s", b.Name, b.Path)
		}
	}
	if err := c.layout(); err != nil {
		return err
	}
	return want.Check(c.manifest)
}

// layout checks that the OCI layout holds the manifest's images, whole and for
// the bundle's platform.
func (c *checker) layout() error {
	var layout struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := json.Unmarshal(c.documents[OCIName+"/oci-layout"], &layout); err != nil || layout.Version != "1.0.0" {
		return fmt.Errorf("%s/oci-layout: has %q: no OCI image layout 1.0.0", OCIName, c.documents[OCIName+"/oci-layout"])
	}
	var index v1.IndexManifest
	if err := json.Unmarshal(c.documents[OCIName+"/index.json"], &index); err != nil {
		return fmt.Errorf("%s/index.json: %w", OCIName, err)
	}
	if len(index.Manifests) != len(c.manifest.Images) {
		return fmt.Errorf("%s/index.json: has %d images, %s has %d", OCIName, len(index.Manifests), ManifestName, len(c.manifest.Images))
	}
	for i, image := range c.manifest.Images {
		entry := index.Manifests[i]
		if entry.Digest.Hex != image.Manifest || entry.Annotations[AnnotationRef] != image.Reference || entry.Annotations[AnnotationName] != image.Reference {
			return fmt.Errorf("image %s: %s/index.json names another one in its place", image.Reference, OCIName)
		}
		if err := c.image(image); err != nil {
			return fmt.Errorf("image %s: %w", image.Reference, err)
		}
	}
	return nil
}

func (c *checker) image(image Image) error {
	var manifest v1.Manifest
	if err := c.document(image.Manifest, &manifest); err != nil {
		return err
	}
	var config v1.ConfigFile
	if err := c.document(image.Config, &config); err != nil {
		return err
	}
	if manifest.Config.Digest.Hex != image.Config {
		return fmt.Errorf("its manifest names config %s, %s says %s", manifest.Config.Digest.Hex, ManifestName, image.Config)
	}
	if config.OS != c.manifest.OS || config.Architecture != c.manifest.Arch {
		return fmt.Errorf("is for %s/%s, the bundle is for %s/%s", config.OS, config.Architecture, c.manifest.OS, c.manifest.Arch)
	}
	var layers, diffs, tars []string
	for _, l := range manifest.Layers {
		layers = append(layers, l.Digest.Hex)
		if file := c.files[BlobPath(l.Digest.Hex)]; file.Size != l.Size {
			return fmt.Errorf("layer %s: has %d bytes, its manifest says %d", l.Digest.Hex, file.Size, l.Size)
		}
		if compressed := c.tars[l.Digest.Hex] != l.Digest.Hex; compressed != (l.MediaType == types.OCILayerZStd) {
			return fmt.Errorf("layer %s: is not the %s that its manifest says", l.Digest.Hex, l.MediaType)
		}
	}
	for _, d := range config.RootFS.DiffIDs {
		diffs = append(diffs, d.Hex)
	}
	for _, digest := range image.Layers {
		tars = append(tars, c.tars[digest])
	}
	if !slices.Equal(layers, image.Layers) || !slices.Equal(diffs, tars) {
		return fmt.Errorf("the layers in its manifest, its config and %s are not the same", ManifestName)
	}
	return nil
}

func (c *checker) document(digest string, into any) error {
	text, ok := c.documents[BlobPath(digest)]
	if !ok {
		return fmt.Errorf("%s: is missing or no document", BlobPath(digest))
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", BlobPath(digest), err)
	}
	return nil
}

// Check reports the first thing that is wanted and that the manifest does not
// have. It says nothing about the files themselves: Verify does.
func (w Want) Check(m Manifest) error {
	switch {
	case w.Kubernetes != "" && w.Kubernetes != m.Kubernetes:
		return fmt.Errorf("holds Kubernetes %s, wanted is %s: build or choose the bundle of that version", m.Kubernetes, w.Kubernetes)
	case w.OS != "" && w.OS != m.OS || w.Arch != "" && w.Arch != m.Arch:
		return fmt.Errorf("is for %s/%s, wanted is %s/%s: take the bundle of this machine's architecture", m.OS, m.Arch, w.OS, w.Arch)
	}
	for _, reference := range w.Images {
		if _, ok := m.Image(reference); !ok {
			return fmt.Errorf("image %s: is not in the bundle; it has %s", reference, names(m.Images, func(i Image) string { return i.Reference }))
		}
	}
	for _, name := range w.Binaries {
		if _, ok := m.Binary(name); !ok {
			return fmt.Errorf("binary %s: is not in the bundle; it has %s", name, names(m.Binaries, func(b Binary) string { return b.Name }))
		}
	}
	return nil
}

func names[T any](list []T, name func(T) string) string {
	var all []string
	for _, item := range list {
		all = append(all, name(item))
	}
	return fmt.Sprintf("%q", all)
}

// Image finds an image by its whole reference.
func (m Manifest) Image(reference string) (Image, bool) {
	i := slices.IndexFunc(m.Images, func(i Image) bool { return i.Reference == reference })
	if i < 0 {
		return Image{}, false
	}
	return m.Images[i], true
}

// Binary finds a program by its name.
func (m Manifest) Binary(name string) (Binary, bool) {
	i := slices.IndexFunc(m.Binaries, func(b Binary) bool { return b.Name == name })
	if i < 0 {
		return Binary{}, false
	}
	return m.Binaries[i], true
}
