package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/klauspost/compress/zstd"
)

// Window is how far back, in bytes, the compression looks: the largest that the
// zstd command reads without an extra flag. The programs share much of their
// text with each other, so that a larger window is a smaller bundle.
const Window = 128 << 20

// Entry is one file of an archive.
type Entry struct {
	Name string
	Mode fs.FileMode
	Size int64
	// Content ends after Size bytes.
	Content io.Reader
}

// Walk gives every entry in order to visit, and then checks that no byte of the
// archive was altered. An entry that is no regular file is an error. When visit
// returns ErrStop, Walk ends at once with nil and checks nothing more.
func Walk(ctx context.Context, f *os.File, visit func(Entry) error) error {
	end, err := ReadTail(f)
	if err != nil {
		return err
	}
	sum := sha256.New()
	body := io.TeeReader(io.NewSectionReader(f, 0, end.Start), sum)
	z, err := zstd.NewReader(body, zstd.WithDecoderMaxWindow(Window), zstd.WithDecoderConcurrency(2))
	if err != nil {
		return err
	}
	defer z.Close()
	switch err := walkTar(ctx, tar.NewReader(z), visit); {
	case errors.Is(err, ErrStop):
		return nil
	case err != nil:
		return err
	}
	if err := drain(z); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		return err
	}
	return end.check(sum)
}

// ErrStop ends a walk early.
var ErrStop = errors.New("stop")

func walkTar(ctx context.Context, t *tar.Reader, visit func(Entry) error) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		header, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot be unpacked: %w", err)
		}
		if header.Typeflag != tar.TypeReg {
			return fmt.Errorf("%s: a bundle holds regular files only, this one is of type %q", header.Name, header.Typeflag)
		}
		entry := Entry{Name: header.Name, Mode: header.FileInfo().Mode(), Size: header.Size, Content: t}
		if err := visit(entry); err != nil {
			return err
		}
	}
}

// drain reads what follows the last entry: zeros and nothing else.
func drain(r io.Reader) error {
	buffer := make([]byte, 32<<10)
	zeros := make([]byte, len(buffer))
	for {
		n, err := r.Read(buffer)
		if !bytes.Equal(buffer[:n], zeros[:n]) {
			return fmt.Errorf("there is data after its last file: it was altered")
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot be unpacked: %w", err)
		}
	}
}
