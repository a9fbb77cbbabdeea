package archive

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Source is a file to put into an archive.
type Source struct {
	// Name is its path in the archive; Path where its bytes are now.
	Name, Path string
	Mode       fs.FileMode
	Size       int64
}

// Write writes the sources as an archive, in their order. The first head of
// them stand in a compressed frame of their own, so that they can be read
// without the rest. The bytes depend on names, modes and contents only. seen is
// told how many bytes of content were taken so far.
func Write(ctx context.Context, w io.Writer, sources []Source, head int, signature []byte, seen func(int64)) error {
	sum := sha256.New()
	out := io.MultiWriter(w, sum)
	z, err := zstd.NewWriter(out,
		zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(Window), zstd.WithEncoderConcurrency(2))
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	progress := &counter{seen: seen}
	for i, s := range sources {
		if err := ctx.Err(); err != nil {
			return err
		}
		if i == head {
			if err := t.Flush(); err != nil {
				return err
			}
			if err := z.Close(); err != nil {
				return err
			}
			z.Reset(out)
		}
		if err := add(t, s, progress); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	_, err = w.Write(tail(sum, signature))
	return err
}

func add(t *tar.Writer, s Source, progress io.Writer) error {
	f, err := os.Open(s.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: s.Name, Mode: int64(s.Mode.Perm()), Size: s.Size,
		ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
	}
	if err := t.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(io.MultiWriter(t, progress), f)
	return err
}

type counter struct {
	total int64
	seen  func(int64)
}

func (c *counter) Write(p []byte) (int, error) {
	c.total += int64(len(p))
	if c.seen != nil {
		c.seen(c.total)
	}
	return len(p), nil
}
