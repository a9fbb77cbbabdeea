package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Binary finds a program and returns the path of its bytes, a plain file that
// may be copied or hard-linked but must not be changed.
func (b *Bundle) Binary(name string) (path string, binary Binary, err error) {
	binary, ok := b.Manifest.Binary(name)
	if !ok {
		return "", Binary{}, fmt.Errorf("bundle %s: %w", b.Folder, Want{Binaries: []string{name}}.Check(b.Manifest))
	}
	if binary.wholeLayer() {
		return filepath.Join(b.Folder, BlobPath(binary.Layer)), binary, nil
	}
	if binary.Layer == "" {
		return filepath.Join(b.Folder, binary.Path), binary, nil
	}
	return filepath.Join(b.programs, binary.Path), binary, nil
}

// hasPrograms tells whether every program that is kept in a layer was copied
// out of it below folder.
func (b *Bundle) hasPrograms(folder string) bool {
	for _, binary := range b.Manifest.Binaries {
		info, err := os.Lstat(filepath.Join(folder, binary.Path))
		if binary.inLayer() && (err != nil || !info.Mode().IsRegular() || info.Size() != binary.Size) {
			return false
		}
	}
	return true
}

// materialise makes plain files of the programs that are kept in layers, below
// cache unless the bundle's folder has them already.
func (b *Bundle) materialise(ctx context.Context, cache string) error {
	b.programs = b.Folder
	if b.hasPrograms(b.Folder) {
		return nil
	}
	b.programs = filepath.Join(cache, b.ID+"-programs")
	if b.hasPrograms(b.programs) {
		return nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	unlock, err := lock(cache)
	if err != nil {
		return err
	}
	defer unlock()
	if b.hasPrograms(b.programs) {
		return nil
	}
	if err := clean(cache, b.programs); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(cache, temporary)
	if err != nil {
		return err
	}
	if err := b.copyPrograms(ctx, temp); err != nil {
		return errors.Join(fmt.Errorf("cannot copy the programs to %s: %w", cache, err), os.RemoveAll(temp))
	}
	return os.Rename(temp, b.programs)
}

// copyPrograms writes the programs of every layer below to.
func (b *Bundle) copyPrograms(ctx context.Context, to string) error {
	if err := os.Chmod(to, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer root.Close()
	raw, err := b.Manifest.Encode()
	if err != nil {
		return err
	}
	c, err := newChecker(raw, folder{root})
	if err != nil {
		return err
	}
	for layer := range c.inLayer {
		if err := b.copyLayer(ctx, c, layer); err != nil {
			return fmt.Errorf("%s: %w", BlobPath(layer), err)
		}
	}
	for _, binary := range b.Manifest.Binaries {
		if binary.inLayer() && !c.done[binary.Path] {
			return fmt.Errorf("binary %s: %s is not in layer %s", binary.Name, binary.In, binary.Layer)
		}
	}
	return nil
}

func (b *Bundle) copyLayer(ctx context.Context, c *checker, layer string) error {
	f, err := os.Open(filepath.Join(b.Folder, BlobPath(layer)))
	if err != nil {
		return err
	}
	defer f.Close()
	return c.layer(ctx, layer, io.Reader(f))
}
