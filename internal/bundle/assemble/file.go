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

	"keelway.dev/keelway/internal/bundle"
)

// fileLayer is a layer in a file that is named by its sha256. The library's own
// layers of files are always compressed with gzip.
type fileLayer struct {
	Layer
	path string
	size int64
}

func newFileLayer(dir string, l Layer) (fileLayer, error) {
	path := filepath.Join(dir, l.Digest)
	info, err := os.Stat(path)
	if err != nil {
		return fileLayer{}, err
	}
	return fileLayer{Layer: l, path: path, size: info.Size()}, nil
}

func (l fileLayer) Digest() (v1.Hash, error)             { return hash(l.Layer.Digest), nil }
func (l fileLayer) DiffID() (v1.Hash, error)             { return hash(l.Layer.DiffID), nil }
func (l fileLayer) Compressed() (io.ReadCloser, error)   { return os.Open(l.path) }
func (l fileLayer) Uncompressed() (io.ReadCloser, error) { return bundle.OpenLayer(l.path) }
func (l fileLayer) Size() (int64, error)                 { return l.size, nil }
func (l fileLayer) MediaType() (types.MediaType, error)  { return l.Type(), nil }

func hash(hex string) v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: hex} }

// ImageOf makes an image of a config, which is kept as it is, and of layers
// that lie below dir.
func ImageOf(config []byte, dir string, layers []Layer) (v1.Image, error) {
	digest, size, err := v1.SHA256(bytes.NewReader(config))
	if err != nil {
		return nil, err
	}
	p := fileImage{config: config, layers: map[v1.Hash]fileLayer{}}
	manifest := v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Config: v1.Descriptor{MediaType: types.OCIConfigJSON, Size: size, Digest: digest},
	}
	for _, l := range layers {
		layer, err := newFileLayer(dir, l)
		if err != nil {
			return nil, err
		}
		p.layers[hash(l.Digest)] = layer
		manifest.Layers = append(manifest.Layers, v1.Descriptor{MediaType: l.Type(), Size: layer.size, Digest: hash(l.Digest)})
	}
	if p.manifest, err = json.Marshal(manifest); err != nil {
		return nil, err
	}
	return partial.CompressedToImage(p)
}

// fileImage is what the library needs to know of an image.
type fileImage struct {
	config, manifest []byte
	layers           map[v1.Hash]fileLayer
}

func (p fileImage) RawConfigFile() ([]byte, error)      { return p.config, nil }
func (p fileImage) RawManifest() ([]byte, error)        { return p.manifest, nil }
func (p fileImage) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
func (p fileImage) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	layer, ok := p.layers[h]
	if !ok {
		return nil, fmt.Errorf("no layer %s", h)
	}
	return layer, nil
}
