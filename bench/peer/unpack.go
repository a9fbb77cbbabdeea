package peer

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"keelway.dev/keelway/internal/bundle"
)

// unpacked is a bundle's folder, as tar leaves it.
type unpacked struct {
	folder   string
	manifest bundle.Manifest
}

// unpack is `tar --zstd -xf`, and then the programs copied out of the image
// layers that hold them. Nothing is checked: a person would not either.
func unpack(ctx context.Context, file, folder string) (*unpacked, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := zstd.NewReader(f, zstd.WithDecoderMaxWindow(1<<30))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	if err := extract(ctx, z, func(string) bool { return true }, func(name string) string { return filepath.Join(folder, filepath.FromSlash(name)) }); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(filepath.Join(folder, bundle.ManifestName))
	if err != nil {
		return nil, err
	}
	u := &unpacked{folder: folder}
	if u.manifest, err = bundle.DecodeManifest(raw); err != nil {
		return nil, err
	}
	return u, u.copyPrograms(ctx)
}

// copyPrograms copies the programs that layers hold out of them.
func (u *unpacked) copyPrograms(ctx context.Context) error {
	layers := map[string]map[string]bool{}
	for _, b := range u.manifest.Binaries {
		if b.Layer == "" {
			continue
		}
		if layers[b.Layer] == nil {
			layers[b.Layer] = map[string]bool{}
		}
		layers[b.Layer][b.In] = true
	}
	for layer, programs := range layers {
		f, err := bundle.OpenLayer(filepath.Join(u.folder, bundle.BlobPath(layer)))
		if err != nil {
			return err
		}
		err = extract(ctx, f, func(name string) bool { return programs[name] }, func(name string) string {
			return u.inLayer(layer, name)
		})
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// inLayer is where a program of a layer is copied to.
func (u *unpacked) inLayer(layer, path string) string {
	return filepath.Join(u.folder, "layers", layer, filepath.FromSlash(path))
}

// program is where the program of that name was unpacked to.
func (u *unpacked) program(name string) (string, error) {
	b, ok := u.manifest.Binary(name)
	switch {
	case !ok:
		return "", fmt.Errorf("no program %s in the bundle", name)
	case b.Layer == "":
		return filepath.Join(u.folder, b.Path), nil
	}
	return u.inLayer(b.Layer, b.In), nil
}

// extract writes the regular files of a tar that are wanted to where place says.
func extract(ctx context.Context, r io.Reader, wanted func(name string) bool, place func(name string) string) error {
	t := tar.NewReader(r)
	for {
		header, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg || !wanted(header.Name) {
			continue
		}
		if err := write(place(header.Name), header.FileInfo().Mode().Perm(), t); err != nil {
			return err
		}
	}
}

func write(to string, mode fs.FileMode, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, content); err != nil {
		return errors.Join(err, out.Close())
	}
	return out.Close()
}
