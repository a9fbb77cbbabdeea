// Package assemble puts programs, layers and images together into a bundle's folder, the same bytes every time.
package assemble

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"

	"keelway.dev/keelway/internal/bundle"
)

// Entry is a file, folder or symbolic link in an image layer.
type Entry struct {
	// Name is relative to the image's root, with slashes.
	Name string
	// Mode holds the permissions, and fs.ModeDir, fs.ModeSymlink or
	// fs.ModeSticky where they apply.
	Mode fs.FileMode
	// Path is a file on this machine whose bytes are the content, or Content is.
	Path    string
	Content []byte
	// Link is a symbolic link's target.
	Link string
	// Capability is the value of the extended attribute security.capability;
	// empty for none.
	Capability []byte
}

// Layer is an image layer in a file that is named by its digest. The names are
// sha256 in hexadecimal: Digest of the file, DiffID of the tar in it.
type Layer struct {
	Digest, DiffID string
}

// Type is the layer's media type in the OCI image specification.
func (l Layer) Type() types.MediaType {
	if l.Digest == l.DiffID {
		return types.OCIUncompressedLayer
	}
	return types.OCILayerZStd
}

// WriteLayer writes the entries as an uncompressed layer below dir. Folders that
// no entry names are added with 0755. The bytes depend on the entries only: they
// are sorted, owned by root and dated 1970.
func WriteLayer(dir string, entries []Entry) (Layer, error) {
	digest, err := writeNamed(dir, func(w io.Writer) error { return writeTar(w, withFolders(entries)) })
	return Layer{Digest: digest, DiffID: digest}, err
}

// Compress writes an uncompressed layer that lies below dir once more, compressed.
// The same layer gives the same bytes.
func Compress(dir string, plain Layer) (Layer, error) {
	f, err := os.Open(filepath.Join(dir, plain.Digest))
	if err != nil {
		return Layer{}, err
	}
	defer f.Close()
	digest, err := writeNamed(dir, func(w io.Writer) error {
		z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(bundle.LayerWindow), zstd.WithEncoderConcurrency(1))
		if err != nil {
			return err
		}
		_, err = io.Copy(z, f)
		return errors.Join(err, z.Close())
	})
	return Layer{Digest: digest, DiffID: plain.DiffID}, err
}

// writeNamed writes a file below dir whose name is its sha256, and returns that.
func writeNamed(dir string, write func(io.Writer) error) (digest string, err error) {
	temp, err := os.CreateTemp(dir, ".layer-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			os.Remove(temp.Name())
		}
	}()
	sum := sha256.New()
	err = write(io.MultiWriter(temp, sum))
	if err := errors.Join(err, temp.Chmod(0o644), temp.Close()); err != nil {
		return "", fmt.Errorf("layer: %w", err)
	}
	digest = fmt.Sprintf("%x", sum.Sum(nil))
	return digest, os.Rename(temp.Name(), filepath.Join(dir, digest))
}

func withFolders(entries []Entry) []Entry {
	named := map[string]bool{".": true}
	for _, e := range entries {
		named[e.Name] = true
	}
	all := append([]Entry(nil), entries...)
	for _, e := range entries {
		for dir := path.Dir(e.Name); !named[dir]; dir = path.Dir(dir) {
			named[dir] = true
			all = append(all, Entry{Name: dir, Mode: fs.ModeDir | 0o755})
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

func writeTar(w io.Writer, entries []Entry) error {
	t := tar.NewWriter(w)
	for i, e := range entries {
		if i > 0 && entries[i-1].Name == e.Name {
			return fmt.Errorf("%s: is there twice", e.Name)
		}
		if err := writeEntry(t, e); err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
	}
	return t.Close()
}

func writeEntry(t *tar.Writer, e Entry) error {
	header := &tar.Header{Name: e.Name, Mode: int64(e.Mode.Perm()), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
	if e.Mode&fs.ModeSticky != 0 {
		header.Mode |= 0o1000
	}
	if len(e.Capability) > 0 {
		header.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": string(e.Capability)}
	}
	switch {
	case e.Mode.IsDir():
		header.Typeflag, header.Name = tar.TypeDir, e.Name+"/"
		return t.WriteHeader(header)
	case e.Mode&fs.ModeSymlink != 0:
		header.Typeflag, header.Linkname = tar.TypeSymlink, e.Link
		return t.WriteHeader(header)
	}
	header.Typeflag = tar.TypeReg
	content := io.Reader(bytes.NewReader(e.Content))
	header.Size = int64(len(e.Content))
	if e.Path != "" {
		f, err := os.Open(e.Path)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		content, header.Size = f, info.Size()
	}
	if err := t.WriteHeader(header); err != nil {
		return err
	}
	_, err := io.Copy(t, content)
	return err
}
