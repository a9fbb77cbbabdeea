package bundle_test

import (
	"context"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/bundle/assemble"
)

const (
	amd64 = 62
	arm64 = 183
)

// program is a file that starts as an ELF program of a machine does.
func program(machine uint16, text string) []byte {
	head := append([]byte("\x7fELF"), 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0)
	head = binary.LittleEndian.AppendUint16(head, machine)
	return append(head, text...)
}

// sample says how a small bundle differs from a good one.
type sample struct {
	arch     string
	machine  uint16
	imageFor string
	entries  []assemble.Entry
	notELF   bool
	plain    bool // no layer is compressed
	// spoil gives another layer in place of the shared one.
	spoil func(t *testing.T, dir string, l assemble.Layer) assemble.Layer
}

// write makes a small bundle as a folder and as an archive. It has the shape of
// the real one: two images that share a layer, a program in that layer under
// two names, and a program of its own.
func (s sample) write(t *testing.T) (folder, archive string) {
	t.Helper()
	if s.arch == "" {
		s.arch = "amd64"
	}
	if s.machine == 0 {
		s.machine = amd64
	}
	if s.imageFor == "" {
		s.imageFor = s.arch
	}
	dir := t.TempDir()
	layers, folder := filepath.Join(dir, "layers"), filepath.Join(dir, "bundle")
	must(t, os.Mkdir(layers, 0o755))
	must(t, os.Mkdir(folder, 0o755))
	kube, runc := filepath.Join(dir, "kube"), filepath.Join(dir, "runc")
	must(t, os.WriteFile(kube, program(s.machine, "all of kubernetes"), 0o755))
	must(t, os.WriteFile(runc, program(s.machine, "runs containers"), 0o755))
	if s.notELF {
		must(t, os.WriteFile(runc, []byte("#!/bin/sh\nexit 0 # long enough for a header"), 0o755))
	}
	shared, err := assemble.WriteLayer(layers, append([]assemble.Entry{
		{Name: "usr/local/bin/kube", Mode: 0o755, Path: kube},
		{Name: "usr/local/bin/kube-proxy", Mode: fs.ModeSymlink | 0o777, Link: "kube"},
	}, s.entries...))
	must(t, err)
	if !s.plain {
		shared, err = assemble.Compress(layers, shared)
		must(t, err)
	}
	if s.spoil != nil {
		shared = s.spoil(t, layers, shared)
	}
	other, err := assemble.WriteLayer(layers, []assemble.Entry{{Name: "etc/passwd", Mode: 0o644, Content: []byte("root")}})
	must(t, err)
	content := assemble.Content{
		Manifest: bundle.Manifest{Kubernetes: "v1.37.0", OS: "linux", Arch: s.arch, Components: []bundle.Component{{Name: "kubernetes", Version: "v1.37.0"}}},
		SBOM:     []byte("{}\n"),
		Programs: []assemble.Program{
			{Name: "kubelet", Path: kube, Layer: shared.Digest, In: "usr/local/bin/kube"},
			{Name: "kubectl", Path: kube, Layer: shared.Digest, In: "usr/local/bin/kube"},
			{Name: "runc", Path: runc},
		},
	}
	for reference, list := range map[string][]assemble.Layer{
		"registry.k8s.io/kube-apiserver:v1.37.0": {shared},
		"registry.k8s.io/kube-proxy:v1.37.0":     {other, shared},
	} {
		image, err := assemble.NewImage(layers, list, assemble.Spec{OS: "linux", Arch: s.imageFor, Entrypoint: []string{"/usr/local/bin/kube"}})
		must(t, err)
		content.Images = append(content.Images, assemble.Image{Reference: reference, Image: image})
	}
	m, err := assemble.Folder(context.Background(), folder, content)
	must(t, err)
	archive = filepath.Join(dir, "bundle.tar.zst")
	must(t, assemble.Pack(context.Background(), folder, archive, m, func(int64, int64) {}))
	return folder, archive
}

// wanted is what a caller needs of the sample.
func wanted() bundle.Want {
	return bundle.Want{
		Kubernetes: "v1.37.0", OS: "linux", Arch: "amd64",
		Images:   []string{"registry.k8s.io/kube-apiserver:v1.37.0", "registry.k8s.io/kube-proxy:v1.37.0"},
		Binaries: []string{"kubelet", "kubectl", "runc"},
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
