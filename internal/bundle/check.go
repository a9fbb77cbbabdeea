package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"strings"
)

const (
	// maxManifest bounds what is read before anything is known to be right.
	maxManifest = 16 << 20
	// maxDocument bounds an image's manifest or config, which are kept in memory.
	maxDocument = 4 << 20
)

// sink receives the files of a bundle while they are being checked.
type sink interface {
	// create makes a file below the bundle's folder.
	create(name string, mode fs.FileMode) (io.WriteCloser, error)
	// link gives a file that was made a second name.
	link(from, to string) error
}

// checker checks a bundle's files one after the other, in any order after the
// manifest, and in the end that none is missing.
type checker struct {
	manifest  Manifest
	raw       []byte
	machine   uint16
	files     map[string]File
	inLayer   map[string][]Binary // by layer
	done      map[string]bool
	documents map[string][]byte // small blobs by digest
	tars      map[string]string // the sha256 of a layer's tar, by the layer's own
	out       sink              // nil to check only
}

func newChecker(raw []byte, out sink) (*checker, error) {
	m, err := DecodeManifest(raw)
	if err != nil {
		return nil, err
	}
	machine, err := machineOf(m.Arch)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ManifestName, err)
	}
	c := &checker{
		manifest: m, raw: raw, machine: machine, out: out,
		files: map[string]File{}, inLayer: map[string][]Binary{}, done: map[string]bool{}, documents: map[string][]byte{}, tars: map[string]string{},
	}
	for _, f := range m.Files {
		c.files[f.Path] = f
	}
	for _, b := range m.Binaries {
		if b.inLayer() {
			c.inLayer[b.Layer] = append(c.inLayer[b.Layer], b)
		}
	}
	return c, nil
}

// digest checks the file that keeps the manifest's own sha256.
func (c *checker) digest(text []byte) error {
	if !bytes.Equal(text, DigestLine(c.raw)) {
		return fmt.Errorf("%s does not fit %s: one of the two was altered", DigestName, ManifestName)
	}
	return nil
}

// file checks one file and passes it on to the sink.
func (c *checker) file(ctx context.Context, name string, mode fs.FileMode, size int64, content io.Reader) error {
	if err := checkPath(name); err != nil {
		return err
	}
	want, listed := c.files[name]
	if !listed {
		return fmt.Errorf("%s: is not in %s: it was added later", name, ManifestName)
	}
	if c.done[name] {
		return fmt.Errorf("%s: is there twice", name)
	}
	c.done[name] = true
	if size != want.Size {
		return fmt.Errorf("%s: has %d bytes, %s says %d: it was altered or cut off", name, size, ManifestName, want.Size)
	}
	if got := fmt.Sprintf("%#o", mode.Perm()); got != want.Mode || !mode.IsRegular() {
		return fmt.Errorf("%s: has mode %v, %s says a file with %s", name, mode, ManifestName, want.Mode)
	}
	sum := sha256.New()
	reader := io.TeeReader(contextReader{ctx, content}, sum)
	if c.out != nil {
		w, err := c.out.create(name, mode.Perm())
		if err != nil {
			return err
		}
		reader = io.TeeReader(reader, w)
		err = errors.Join(c.content(ctx, want, reader), w.Close())
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	} else if err := c.content(ctx, want, reader); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return sameDigest(name, sum, want.SHA256)
}

// content reads a file to its end and looks into it as far as its kind allows.
func (c *checker) content(ctx context.Context, f File, r io.Reader) error {
	digest, isBlob := strings.CutPrefix(f.Path, BlobPath("")+"/")
	switch {
	case isBlob && digest != f.SHA256:
		return fmt.Errorf("the blob's name is not its sha256 %s", f.SHA256)
	case isBlob && c.isLayer(digest):
		return c.layer(ctx, digest, r)
	case isBlob || path.Dir(f.Path) == OCIName:
		text, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
		if err == nil && len(text) > maxDocument {
			err = fmt.Errorf("is larger than %d bytes and no layer of an image", maxDocument)
		}
		c.documents[f.Path] = text
		return err
	case path.Dir(f.Path) == BinaryName:
		whole, err := mustBeELF(r, c.machine)
		if err != nil {
			return err
		}
		r = whole
	}
	_, err := io.Copy(io.Discard, r)
	return err
}

func (c *checker) isLayer(digest string) bool {
	for _, image := range c.manifest.Images {
		for _, layer := range image.Layers {
			if layer == digest {
				return true
			}
		}
	}
	return false
}

// layer checks an image layer and copies out of it the programs that the
// manifest finds there.
func (c *checker) layer(ctx context.Context, digest string, r io.Reader) error {
	plain, err := plainLayer(r)
	if err != nil {
		return err
	}
	defer plain.Close()
	sum := sha256.New()
	defer func() { c.tars[digest] = fmt.Sprintf("%x", sum.Sum(nil)) }()
	return scanLayer(io.TeeReader(plain, sum), c.machine, func(name string, size int64, content io.Reader) error {
		var wanted []Binary
		for _, b := range c.inLayer[digest] {
			if b.In == name {
				wanted = append(wanted, b)
			}
		}
		if len(wanted) == 0 {
			return nil
		}
		content, err := mustBeELF(content, c.machine)
		if err != nil {
			return err
		}
		return c.extract(wanted, size, contextReader{ctx, content})
	})
}

// extract checks a program in a layer, which several names may stand for.
func (c *checker) extract(wanted []Binary, size int64, content io.Reader) (err error) {
	for _, b := range wanted {
		if c.done[b.Path] {
			return fmt.Errorf("binary %s is in the layer twice", b.Name)
		}
		c.done[b.Path] = true
		if b.Size != size {
			return fmt.Errorf("binary %s has %d bytes, %s says %d", b.Name, size, ManifestName, b.Size)
		}
	}
	sum := sha256.New()
	to := io.Writer(sum)
	if c.out != nil {
		w, err := c.out.create(wanted[0].Path, 0o755)
		if err != nil {
			return err
		}
		to = io.MultiWriter(sum, w)
		defer func() { err = errors.Join(err, w.Close(), c.link(wanted)) }()
	}
	_, err = io.Copy(to, content)
	for _, b := range wanted {
		err = errors.Join(err, sameDigest("binary "+b.Name, sum, b.SHA256))
	}
	return err
}

// link gives the program its other names.
func (c *checker) link(wanted []Binary) error {
	for _, b := range wanted[1:] {
		if err := c.out.link(wanted[0].Path, b.Path); err != nil {
			return err
		}
	}
	return nil
}

func sameDigest(name string, sum hash.Hash, want string) error {
	if got := fmt.Sprintf("%x", sum.Sum(nil)); got != want {
		return fmt.Errorf("%s: has sha256 %s, %s says %s: it was altered", name, got, ManifestName, want)
	}
	return nil
}

// contextReader stops a long copy when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
