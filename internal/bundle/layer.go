package bundle

import (
	"archive/tar"
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// LayerWindow is how far back, in bytes, a layer's compression looks: what every
// reader of zstd allows (RFC 8878, section 3.1.1.1.2).
const LayerWindow = 8 << 20

// OpenLayer opens a layer's file and gives its tar, whether it is compressed or not.
func OpenLayer(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	t, err := plainLayer(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return layerFile{t, f}, nil
}

type layerFile struct {
	io.ReadCloser
	file io.Closer
}

func (l layerFile) Close() error { return errors.Join(l.ReadCloser.Close(), l.file.Close()) }

// plainLayer gives a layer's tar, which may be compressed with zstd.
func plainLayer(r io.Reader) (io.ReadCloser, error) {
	const magic = "\x28\xb5\x2f\xfd" // of a frame, RFC 8878, section 3.1.1
	head := bufio.NewReader(r)
	if start, err := head.Peek(len(magic)); err != nil || string(start) != magic {
		return io.NopCloser(head), nil //nolint:nilerr // who reads on meets it again
	}
	z, err := zstd.NewReader(head, zstd.WithDecoderMaxWindow(LayerWindow), zstd.WithDecoderConcurrency(2))
	if err != nil {
		return nil, err
	}
	return z.IOReadCloser(), nil
}

// scanLayer reads a layer's tar to its end, refuses a path that leaves the
// image and a program of another architecture, and gives each regular file to
// visit, by its clean relative path. visit may leave the content unread.
func scanLayer(r io.Reader, machine uint16, visit func(name string, size int64, content io.Reader) error) error {
	t := tar.NewReader(r)
	for {
		header, err := t.Next()
		if errors.Is(err, io.EOF) {
			// What follows the end mark is padding; it is part of the digest.
			_, err := io.Copy(io.Discard, r)
			return err
		}
		if err != nil {
			return fmt.Errorf("cannot be unpacked: %w", err)
		}
		name := strings.TrimPrefix(header.Name, "./")
		for _, part := range strings.Split(name, "/") {
			if part == ".." {
				return fmt.Errorf("%q: the path would leave the image's folder", header.Name)
			}
		}
		name = path.Clean(strings.TrimPrefix(name, "/"))
		if header.Typeflag == tar.TypeLink && escapes(header.Linkname) {
			return fmt.Errorf("%q: the hard link to %q would leave the image's folder", header.Name, header.Linkname)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		content, err := checkMachine(t, machine)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := visit(name, header.Size, content); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

func escapes(link string) bool {
	clean := path.Clean(strings.TrimPrefix(link, "/"))
	return clean == ".." || strings.HasPrefix(clean, "../")
}

// The numbers of ELF's e_machine.
const (
	machineAMD64 = 62
	machineARM64 = 183
)

// machineOf is the ELF machine number of a Go architecture.
func machineOf(arch string) (uint16, error) {
	switch arch {
	case "amd64":
		return machineAMD64, nil
	case "arm64":
		return machineARM64, nil
	}
	return 0, fmt.Errorf("architecture %q is not known: amd64 or arm64 is", arch)
}

// checkMachine refuses an ELF file of another machine and returns a reader of
// the whole content. Files that are not ELF pass.
func checkMachine(r io.Reader, machine uint16) (io.Reader, error) {
	head := make([]byte, 20)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	whole := io.MultiReader(strings.NewReader(string(head[:n])), r)
	if n < len(head) || string(head[:4]) != "\x7fELF" {
		return whole, nil
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if head[5] == 2 {
		order = binary.BigEndian
	}
	const class64 = 2
	if got := order.Uint16(head[18:]); got != machine || head[4] != class64 {
		return nil, fmt.Errorf("is a program for another machine (ELF machine %d, want %d): take the bundle of this machine's architecture", got, machine)
	}
	return whole, nil
}

// mustBeELF refuses content that is no program at all.
func mustBeELF(r io.Reader, machine uint16) (io.Reader, error) {
	head := make([]byte, 4)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	if string(head) != "\x7fELF" {
		return nil, fmt.Errorf("is no ELF program (it starts with %q)", head[:n])
	}
	return checkMachine(io.MultiReader(strings.NewReader(string(head)), r), machine)
}
