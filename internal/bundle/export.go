package bundle

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Images lists the bundle's images, sorted by reference.
func (b *Bundle) Images() []Image {
	return b.Manifest.Images
}

// OCIDir is the folder with the OCI image layout.
func (b *Bundle) OCIDir() string {
	return filepath.Join(b.Folder, OCIName)
}

// WriteImages writes an OCI image layout as a tar stream, which containerd
// imports. References are those that images are to have in the runtime's store,
// each with the bundle's own; only these are in the stream, and a layer that
// several of them share is there once. A layer that the runtime has already is
// left out: has is asked by its sha256 in hex; nil is that the runtime has none.
func (b *Bundle) WriteImages(w io.Writer, references map[string]string, has func(layer string) bool) error {
	own := slices.Sorted(maps.Values(references))
	if err := (Want{Images: own}).Check(b.Manifest); err != nil {
		return fmt.Errorf("bundle %s: %w", b.Folder, err)
	}
	var images []Image
	for _, image := range b.Manifest.Images {
		if slices.Contains(own, image.Reference) {
			images = append(images, image)
		}
	}
	index, err := b.index(references)
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	for _, file := range []struct {
		name string
		text []byte
	}{{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)}, {"index.json", index}} {
		if err := b.writeEntry(t, file.name, int64(len(file.text)), bytes.NewReader(file.text)); err != nil {
			return err
		}
	}
	written := map[string]bool{}
	for _, image := range images {
		for _, digest := range append([]string{image.Manifest, image.Config}, image.Layers...) {
			if written[digest] {
				continue
			}
			written[digest] = true
			if has != nil && slices.Contains(image.Layers, digest) && has(digest) {
				continue
			}
			if err := b.writeBlob(t, digest); err != nil {
				return err
			}
		}
	}
	return t.Close()
}

// index is the bundle's own index with the images named, by those names.
func (b *Bundle) index(references map[string]string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(b.OCIDir(), "index.json"))
	if err != nil {
		return nil, err
	}
	var whole v1.IndexManifest
	if err := json.Unmarshal(text, &whole); err != nil {
		return nil, fmt.Errorf("%s/index.json: %w", b.OCIDir(), err)
	}
	part := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	for _, reference := range slices.Sorted(maps.Keys(references)) {
		for _, d := range whole.Manifests {
			if d.Annotations[AnnotationName] == references[reference] {
				d.Annotations = maps.Clone(d.Annotations)
				d.Annotations[AnnotationName], d.Annotations[AnnotationRef] = reference, reference
				part.Manifests = append(part.Manifests, d)
			}
		}
	}
	return json.Marshal(part)
}

func (b *Bundle) writeBlob(t *tar.Writer, digest string) error {
	f, err := os.Open(filepath.Join(b.Folder, BlobPath(digest)))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return b.writeEntry(t, "blobs/sha256/"+digest, info.Size(), f)
}

func (b *Bundle) writeEntry(t *tar.Writer, name string, size int64, content io.Reader) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: size, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	if err := t.WriteHeader(header); err != nil {
		return err
	}
	if _, err := io.Copy(t, content); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
