package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// write makes an archive with any tar entry, which Write would not.
func write(t *testing.T, headers ...tar.Header) *os.File {
	t.Helper()
	var content bytes.Buffer
	z, err := zstd.NewWriter(&content)
	must(t, err)
	w := tar.NewWriter(z)
	for _, h := range headers {
		must(t, w.WriteHeader(&h))
	}
	must(t, errors.Join(w.Close(), z.Close()))
	return end(t, content.Bytes())
}

func end(t *testing.T, content []byte) *os.File {
	t.Helper()
	sum := sha256.New()
	sum.Write(content)
	f, err := os.Create(filepath.Join(t.TempDir(), "x.tar.zst"))
	must(t, err)
	t.Cleanup(func() { f.Close() })
	_, err = f.Write(append(content, tail(sum, nil)...))
	must(t, err)
	return f
}

func TestWalkRefuses(t *testing.T) {
	rows := map[string]tar.Header{
		"symbolic link": {Name: "x", Typeflag: tar.TypeSymlink, Linkname: "/etc"},
		"hard link":     {Name: "x", Typeflag: tar.TypeLink, Linkname: "y"},
		"folder":        {Name: "x/", Typeflag: tar.TypeDir},
		"pipe":          {Name: "x", Typeflag: tar.TypeFifo},
		"device":        {Name: "x", Typeflag: tar.TypeBlock, Devmajor: 8},
	}
	for name, header := range rows {
		err := Walk(context.Background(), write(t, header), func(Entry) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "regular files only") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWalkRefusesDataAfterTheEnd(t *testing.T) {
	var content bytes.Buffer
	z, err := zstd.NewWriter(&content)
	must(t, err)
	w := tar.NewWriter(z)
	must(t, w.Close())
	_, err = z.Write([]byte("more"))
	must(t, errors.Join(err, z.Close()))
	if err := Walk(context.Background(), end(t, content.Bytes()), func(Entry) error { return nil }); err == nil {
		t.Error("data after the last file is accepted")
	}
}

func TestWriteIsReproducible(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	must(t, os.WriteFile(path, bytes.Repeat([]byte("a line of text that comes again\n"), 1<<15), 0o600))
	info, err := os.Stat(path)
	must(t, err)
	sources := []Source{{Name: "one", Path: path, Mode: 0o644, Size: info.Size()}, {Name: "two", Path: path, Mode: 0o755, Size: info.Size()}}
	var results [2]bytes.Buffer
	for i := range results {
		must(t, Write(context.Background(), &results[i], sources, 1, []byte("signature"), nil))
	}
	if !bytes.Equal(results[0].Bytes(), results[1].Bytes()) {
		t.Error("two archives of the same files differ")
	}
	var names []string
	f, err := os.Create(filepath.Join(dir, "archive"))
	must(t, err)
	defer f.Close()
	_, err = f.Write(results[0].Bytes())
	must(t, err)
	must(t, Walk(context.Background(), f, func(e Entry) error {
		names = append(names, e.Name)
		n, err := io.Copy(io.Discard, e.Content)
		if n != e.Size || e.Size != info.Size() {
			t.Errorf("%s has %d bytes, its header says %d", e.Name, n, e.Size)
		}
		return err
	}))
	if strings.Join(names, " ") != "one two" {
		t.Errorf("entries are %q", names)
	}
	end, err := ReadTail(f)
	if err != nil || string(end.Signature) != "signature" {
		t.Errorf("signature is %q, %v", end.Signature, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
