package assemble

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// plainLayer is an uncompressed layer in a file that is named by its sha256.
// The library's own layers of files are always compressed.
type plainLayer struct {
	path string
	hash v1.Hash
	size int64
}

func newPlainLayer(dir, digest string) (plainLayer, error) {
	path := filepath.Join(dir, digest)
	info, err := os.Stat(path)
	if err != nil {
		return plainLayer{}, err
	}
	return plainLayer{path: path, hash: v1.Hash{Algorithm: "sha256", Hex: digest}, size: info.Size()}, nil
}

// Digest and DiffID are the same where nothing is compressed.
func (l plainLayer) Digest() (v1.Hash, error)             { return l.hash, nil }
func (l plainLayer) DiffID() (v1.Hash, error)             { return l.hash, nil }
func (l plainLayer) Compressed() (io.ReadCloser, error)   { return os.Open(l.path) }
func (l plainLayer) Uncompressed() (io.ReadCloser, error) { return os.Open(l.path) }
func (l plainLayer) Size() (int64, error)                 { return l.size, nil }
func (l plainLayer) MediaType() (types.MediaType, error)  { return types.OCIUncompressedLayer, nil }

// ImageOf makes an image of a config, which is kept as it is, and of layers
// that lie uncompressed below dir.
func ImageOf(config []byte, dir string, layers []string) (v1.Image, error) {
	digest, size, err := v1.SHA256(bytes.NewReader(config))
	if err != nil {
		return nil, err
	}
	p := plainImage{config: config, layers: map[v1.Hash]plainLayer{}}
	manifest := v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Config: v1.Descriptor{MediaType: types.OCIConfigJSON, Size: size, Digest: digest},
	}
	for _, name := range layers {
		layer, err := newPlainLayer(dir, name)
		if err != nil {
			return nil, err
		}
		p.layers[layer.hash] = layer
		manifest.Layers = append(manifest.Layers, v1.Descriptor{MediaType: types.OCIUncompressedLayer, Size: layer.size, Digest: layer.hash})
	}
	if p.manifest, err = json.Marshal(manifest); err != nil {
		return nil, err
	}
	return partial.CompressedToImage(p)
}

// plainImage is what the library needs to know of an image.
type plainImage struct {
	config, manifest []byte
	layers           map[v1.Hash]plainLayer
}

func (p plainImage) RawConfigFile() ([]byte, error)      { return p.config, nil }
func (p plainImage) RawManifest() ([]byte, error)        { return p.manifest, nil }
func (p plainImage) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
func (p plainImage) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	layer, ok := p.layers[h]
	if !ok {
		return nil, fmt.Errorf("no layer %s", h)
	}
	return layer, nil
}
