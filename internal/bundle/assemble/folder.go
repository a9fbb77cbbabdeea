package assemble

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"keelway.dev/keelway/internal/bundle"
)

// Content is everything that goes into a bundle.
type Content struct {
	// Manifest has the versions and components; files, binaries and images are
	// filled in by Folder.
	Manifest bundle.Manifest
	Images   []Image
	Programs []Program
	// SBOM is the text of the SPDX document.
	SBOM []byte
}

// Image is an image under its whole reference. Its layers are uncompressed, or
// compressed with zstd.
type Image struct {
	Reference string
	Image     v1.Image
}

// Program is a program for the host. Layer is the sha256 of the layer that
// holds the same bytes at In; without it the program becomes a file.
type Program struct {
	Name      string
	Path      string // on this machine
	Layer, In string
}

// Folder writes the content as a bundle into dir, which must be empty, and
// returns its manifest.
func Folder(ctx context.Context, dir string, content Content) (bundle.Manifest, error) {
	m := content.Manifest
	m.Format = bundle.Format
	images, err := writeImages(ctx, filepath.Join(dir, bundle.OCIName), content.Images)
	if err != nil {
		return bundle.Manifest{}, err
	}
	m.Images = images
	if m.Binaries, err = writePrograms(dir, content.Programs); err != nil {
		return bundle.Manifest{}, err
	}
	if err := os.WriteFile(filepath.Join(dir, bundle.SBOMName), content.SBOM, 0o644); err != nil {
		return bundle.Manifest{}, err
	}
	if m.Files, err = listFiles(ctx, dir); err != nil {
		return bundle.Manifest{}, err
	}
	text, err := m.Encode()
	if err != nil {
		return bundle.Manifest{}, err
	}
	return m, errors.Join(
		os.WriteFile(filepath.Join(dir, bundle.ManifestName), text, 0o644),
		os.WriteFile(filepath.Join(dir, bundle.DigestName), bundle.DigestLine(text), 0o644))
}

func writeImages(ctx context.Context, dir string, images []Image) ([]bundle.Image, error) {
	sorted := append([]Image(nil), images...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Reference < sorted[j].Reference })
	oci, err := layout.Write(dir, empty.Index)
	if err != nil {
		return nil, err
	}
	var list []bundle.Image
	for _, i := range sorted {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		described, err := describe(i)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", i.Reference, err)
		}
		list = append(list, described)
		err = oci.AppendImage(i.Image, layout.WithAnnotations(map[string]string{
			bundle.AnnotationRef: i.Reference, bundle.AnnotationName: i.Reference,
		}))
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", i.Reference, err)
		}
	}
	return list, nil
}

func describe(i Image) (bundle.Image, error) {
	digest, err := i.Image.Digest()
	if err != nil {
		return bundle.Image{}, err
	}
	manifest, err := i.Image.Manifest()
	if err != nil {
		return bundle.Image{}, err
	}
	described := bundle.Image{Reference: i.Reference, Manifest: digest.Hex, Config: manifest.Config.Digest.Hex}
	for _, l := range manifest.Layers {
		if l.MediaType != types.OCIUncompressedLayer && l.MediaType != types.OCILayerZStd {
			return bundle.Image{}, fmt.Errorf("layer %s is neither plain nor compressed with zstd (%s)", l.Digest, l.MediaType)
		}
		described.Layers = append(described.Layers, l.Digest.Hex)
	}
	return described, nil
}

func writePrograms(dir string, programs []Program) ([]bundle.Binary, error) {
	var list []bundle.Binary
	for _, p := range programs {
		sum, size, err := HashFile(p.Path)
		if err != nil {
			return nil, fmt.Errorf("program %s: %w", p.Name, err)
		}
		b := bundle.Binary{
			Name: p.Name, Path: path.Join(bundle.BinaryName, p.Name),
			Layer: p.Layer, In: p.In, SHA256: sum, Size: size,
		}
		if p.Layer == "" {
			if err := copyProgram(p.Path, filepath.Join(dir, b.Path)); err != nil {
				return nil, fmt.Errorf("program %s: %w", p.Name, err)
			}
		}
		list = append(list, b)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list, nil
}

func copyProgram(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Chmod(0o755), out.Close())
}

// listFiles lists what is below dir, and makes 0644 what is no program: the
// libraries that wrote it choose modes by the umask.
func listFiles(ctx context.Context, dir string) ([]bundle.File, error) {
	var files []bundle.File
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(name, 0o755)
		}
		file := bundle.File{Path: filepath.ToSlash(relative), Mode: "0644"}
		mode := fs.FileMode(0o644)
		if path.Dir(file.Path) == bundle.BinaryName {
			file.Mode, mode = "0755", 0o755
		}
		if err := os.Chmod(name, mode); err != nil {
			return err
		}
		file.SHA256, file.Size, err = HashFile(name)
		files = append(files, file)
		return err
	})
	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
	return files, err
}

// HashFile returns a file's sha256 in hexadecimal and its size in bytes.
func HashFile(name string) (digest string, size int64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	sum := sha256.New()
	size, err = io.Copy(sum, f)
	return fmt.Sprintf("%x", sum.Sum(nil)), size, err
}
