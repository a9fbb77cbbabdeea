package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"keelway.dev/keelway/internal/bundle/archive"
)

// either calls folder or file, as the bundle at path is one or the other.
func either(path string, folder func(*os.Root) error, file func(*os.File) error) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		root, err := os.OpenRoot(path)
		if err != nil {
			return err
		}
		defer root.Close()
		return folder(root)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return file(f)
}

// checkArchive reads the whole archive, checks everything in it and passes its
// files on to out, if there is one.
func checkArchive(ctx context.Context, f *os.File, want Want, out sink) (*checker, error) {
	var c *checker
	var digest bool
	err := archive.Walk(ctx, f, func(e archive.Entry) error {
		switch {
		case c == nil:
			raw, err := readFirst(e)
			if err != nil {
				return err
			}
			if c, err = newChecker(raw, out); err != nil {
				return err
			}
			return c.put(ManifestName, raw)
		case !digest:
			if e.Name != DigestName || e.Mode.Perm() != 0o644 {
				return fmt.Errorf("%s: stands where %s should", e.Name, DigestName)
			}
			digest = true
			text, err := readSmall(e.Content, maxDocument)
			if err == nil {
				err = c.digest(text)
			}
			if err != nil {
				return err
			}
			return c.put(DigestName, text)
		}
		return c.file(ctx, e.Name, e.Mode, e.Size, e.Content)
	})
	if err != nil {
		return nil, err
	}
	if c == nil || !digest {
		return nil, fmt.Errorf("%s or %s: is missing", ManifestName, DigestName)
	}
	return c, c.finish(want)
}

func readFirst(e archive.Entry) ([]byte, error) {
	if e.Name != ManifestName || e.Mode.Perm() != 0o644 {
		return nil, fmt.Errorf("%s: is the first file, where %s should be: this is no bundle", e.Name, ManifestName)
	}
	return readSmall(e.Content, maxManifest)
}

func readSmall(r io.Reader, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("is larger than %d bytes", limit)
	}
	return text, err
}

// put stores one of the files that describe the bundle.
func (c *checker) put(name string, text []byte) error {
	if c.out == nil {
		return nil
	}
	w, err := c.out.create(name, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, bytes.NewReader(text))
	return errors.Join(err, w.Close())
}

// checkFolder reads every file of an opened bundle and checks it.
func checkFolder(ctx context.Context, root *os.Root, want Want) (*checker, error) {
	raw, err := readManifest(root)
	if err != nil {
		return nil, err
	}
	c, err := newChecker(raw, nil)
	if err != nil {
		return nil, err
	}
	copies := map[string]Binary{}
	for _, b := range c.manifest.Binaries {
		if b.inLayer() {
			copies[b.Path] = b
		}
	}
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == ManifestName || name == DigestName || name == SignatureName {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s: a bundle holds regular files only, this one is %v", name, info.Mode())
		}
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		if b, ok := copies[name]; ok {
			return checkCopy(ctx, b, info, f)
		}
		return c.file(ctx, name, info.Mode(), info.Size(), f)
	})
	if err != nil {
		return nil, err
	}
	return c, c.finish(want)
}

// readManifest reads the manifest of an opened bundle and checks it against the
// file that keeps its sha256.
func readManifest(root *os.Root) ([]byte, error) {
	raw, err := readFile(root, ManifestName, maxManifest)
	if err != nil {
		return nil, err
	}
	digest, err := readFile(root, DigestName, maxDocument)
	if err != nil {
		return nil, err
	}
	c := checker{raw: raw}
	return raw, c.digest(digest)
}

func readFile(root *os.Root, name string, limit int64) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := readSmall(f, limit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return text, nil
}
