package assemble

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"keelway.dev/keelway/internal/bundle"
)

func entries(t *testing.T) []Entry {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	must(t, os.WriteFile(program, []byte("bytes"), 0o600))
	return []Entry{
		{Name: "usr/bin/tool", Mode: 0o755, Path: program, Capability: []byte("cap")},
		{Name: "usr/bin/toolctl", Mode: fs.ModeSymlink | 0o777, Link: "tool"},
		{Name: "tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
		{Name: "etc/passwd", Mode: 0o644, Content: []byte("root")},
	}
}

func TestWriteLayer(t *testing.T) {
	dir := t.TempDir()
	list := entries(t)
	layer, err := WriteLayer(dir, list)
	must(t, err)
	slices.Reverse(list)
	again, err := WriteLayer(dir, list)
	must(t, err)
	if layer != again || layer.Digest != layer.DiffID || layer.Type() != types.OCIUncompressedLayer {
		t.Error("the order of the entries changes the layer")
	}
	left, err := os.ReadDir(dir)
	must(t, err)
	if len(left) != 1 || left[0].Name() != layer.Digest {
		t.Errorf("the folder holds %v, want %s only", left, layer.Digest)
	}
	f, err := os.Open(filepath.Join(dir, layer.Digest))
	must(t, err)
	defer f.Close()
	modes := map[string]int64{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		modes[h.Name] = h.Mode
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.ModTime.Unix() != 0 {
			t.Errorf("%s: owner %d:%d %q, time %v", h.Name, h.Uid, h.Gid, h.Uname, h.ModTime)
		}
		if got := h.PAXRecords["SCHILY.xattr.security.capability"]; (h.Name == "usr/bin/tool") != (got == "cap") {
			t.Errorf("%s: capability is %q", h.Name, got)
		}
	}
	for name, want := range map[string]int64{"usr/": 0o755, "usr/bin/": 0o755, "etc/": 0o755, "tmp/": 0o1777, "usr/bin/tool": 0o755, "etc/passwd": 0o644, "usr/bin/toolctl": 0o777} {
		if modes[name] != want {
			t.Errorf("%s has mode %#o, want %#o", name, modes[name], want)
		}
	}
	if len(modes) != 7 {
		t.Errorf("the layer holds %v", modes)
	}
}

func TestCompress(t *testing.T) {
	dir := t.TempDir()
	plain, err := WriteLayer(dir, entries(t))
	must(t, err)
	layer, err := Compress(dir, plain)
	must(t, err)
	again, err := Compress(dir, plain)
	must(t, err)
	if layer != again || layer.DiffID != plain.DiffID || layer.Digest == plain.Digest || layer.Type() != types.OCILayerZStd {
		t.Errorf("%+v became %+v and %+v", plain, layer, again)
	}
	sum, _, err := HashFile(filepath.Join(dir, layer.Digest))
	must(t, err)
	want, err := os.ReadFile(filepath.Join(dir, plain.Digest))
	must(t, err)
	r, err := bundle.OpenLayer(filepath.Join(dir, layer.Digest))
	must(t, err)
	got, err := io.ReadAll(r)
	must(t, errors.Join(err, r.Close()))
	if sum != layer.Digest || !bytes.Equal(got, want) {
		t.Errorf("the compressed layer has sha256 %s, not %s, or other content", sum, layer.Digest)
	}
}

func TestWriteLayerRefuses(t *testing.T) {
	for name, list := range map[string][]Entry{
		"a name twice":   {{Name: "a", Mode: 0o644}, {Name: "a", Mode: 0o644}},
		"an absent file": {{Name: "a", Mode: 0o644, Path: "/nonexistent/program"}},
	} {
		dir := t.TempDir()
		if _, err := WriteLayer(dir, list); err == nil {
			t.Errorf("%s is accepted", name)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}

// The umask, and the modes that libraries choose, are not in the bundle.
func TestFolderModes(t *testing.T) {
	dir := t.TempDir()
	layers, folder, program := filepath.Join(dir, "layers"), filepath.Join(dir, "bundle"), filepath.Join(dir, "program")
	must(t, os.Mkdir(layers, 0o755))
	must(t, os.Mkdir(folder, 0o700))
	must(t, os.WriteFile(program, []byte("\x7fELF"), 0o600))
	layer, err := WriteLayer(layers, entries(t))
	must(t, err)
	image, err := NewImage(layers, []Layer{layer}, Spec{OS: "linux", Arch: "amd64"})
	must(t, err)
	m, err := Folder(context.Background(), folder, Content{
		Manifest: bundle.Manifest{Kubernetes: "v1.37.0", OS: "linux", Arch: "amd64"}, SBOM: []byte("{}"),
		Images: []Image{{Reference: "b/b:2", Image: image}, {Reference: "a/a:1", Image: image}}, Programs: []Program{{Name: "runc", Path: program}},
	})
	must(t, err)
	if m.Images[0].Reference != "a/a:1" || !slices.Equal(m.Images[0].Layers, []string{layer.Digest}) {
		t.Errorf("images are %+v", m.Images)
	}
	if !slices.IsSortedFunc(m.Files, func(a, b bundle.File) int {
		if a.Path < b.Path {
			return -1
		}
		return 1
	}) {
		t.Errorf("files are not sorted: %+v", m.Files)
	}
	for _, f := range m.Files {
		info, err := os.Stat(filepath.Join(folder, f.Path))
		must(t, err)
		want := fs.FileMode(0o644)
		if f.Path == "bin/runc" {
			want = 0o755
		}
		if info.Mode() != want || info.Size() != f.Size {
			t.Errorf("%s has mode %v and %d bytes, the manifest says %+v", f.Path, info.Mode(), info.Size(), f)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
