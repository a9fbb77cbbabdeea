package assemble

import (
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
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
