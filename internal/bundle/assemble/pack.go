package assemble

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/bundle/archive"
)

// Pack writes the folder that Folder made as one archive at path, atomically.
// seen is told how many of total bytes were taken so far.
func Pack(ctx context.Context, dir, path string, m bundle.Manifest, seen func(done, total int64)) (err error) {
	sources := []archive.Source{}
	for _, name := range []string{bundle.ManifestName, bundle.DigestName} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		sources = append(sources, archive.Source{Name: name, Path: filepath.Join(dir, name), Mode: 0o644, Size: info.Size()})
	}
	head := len(sources)
	for _, f := range m.Files {
		mode, err := strconv.ParseUint(f.Mode, 8, 32)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		sources = append(sources, archive.Source{Name: f.Path, Path: filepath.Join(dir, f.Path), Mode: fs.FileMode(mode), Size: f.Size})
	}
	// The largest programs come first: the smaller ones then find their shared
	// text within the window.
	slices.SortStableFunc(sources[head:], func(a, b archive.Source) int { return int(min(max(b.Size-a.Size, -1), 1)) })
	var total int64
	for _, s := range sources {
		total += s.Size
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			temp.Close()
			os.Remove(temp.Name())
			err = fmt.Errorf("cannot write %s: %w", path, err)
		}
	}()
	if err := archive.Write(ctx, temp, sources, head, nil, func(done int64) { seen(done, total) }); err != nil {
		return err
	}
	if err := temp.Chmod(0o644); err != nil {
		return err
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
