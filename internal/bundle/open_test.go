package bundle_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"keelway.dev/keelway/internal/bundle"
)

func TestOpenArchiveOnce(t *testing.T) {
	_, archive := sample{}.write(t)
	cache := filepath.Join(t.TempDir(), "cache")
	first, err := bundle.Open(context.Background(), archive, cache)
	must(t, err)
	path, binary, err := first.Binary("kubelet")
	must(t, err)
	content, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(content, program(amd64, "all of kubernetes")) || binary.Size != int64(len(content)) {
		t.Errorf("kubelet is %q", content)
	}
	before, err := os.Stat(path)
	must(t, err)
	other, _, err := first.Binary("kubectl")
	must(t, err)
	if again, err := os.Stat(other); err != nil || !os.SameFile(before, again) {
		t.Errorf("kubectl's bytes are stored twice (%v)", err)
	}
	second, err := bundle.Open(context.Background(), archive, cache)
	must(t, err)
	path, _, err = second.Binary("kubelet")
	must(t, err)
	after, err := os.Stat(path)
	must(t, err)
	if !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Error("the archive was unpacked again")
	}
	if _, _, err := second.Binary("crictl"); err == nil {
		t.Error("a program that is not there was found")
	}
}

func TestOpenFolder(t *testing.T) {
	folder, _ := sample{}.write(t)
	cache := t.TempDir()
	for range 2 {
		b, err := bundle.Open(context.Background(), folder, cache)
		must(t, err)
		for _, name := range []string{"kubelet", "kubectl", "runc"} {
			path, binary, err := b.Binary(name)
			must(t, err)
			if info, err := os.Stat(path); err != nil || info.Size() != binary.Size || info.Mode() != 0o755 {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
	}
	must(t, verify(folder, wanted()))
	must(t, os.Remove(filepath.Join(folder, "sbom.spdx.json")))
	if _, err := bundle.Open(context.Background(), folder, cache); err == nil {
		t.Error("a folder with a missing file was opened")
	}
}

// What a killed run leaves is not trusted, and removed by the next one.
func TestOpenAfterKill(t *testing.T) {
	_, archive := sample{}.write(t)
	cache := t.TempDir()
	whole, err := bundle.Open(context.Background(), archive, cache)
	must(t, err)
	must(t, os.Mkdir(filepath.Join(cache, ".unpack-123"), 0o755))
	// A power cut after the rename leaves files without their content.
	must(t, os.Truncate(filepath.Join(whole.Folder, "bin/runc"), 0))
	again, err := bundle.Open(context.Background(), archive, cache)
	must(t, err)
	must(t, verify(again.Folder, wanted()))
	if _, err := os.Stat(filepath.Join(cache, ".unpack-123")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of the killed run is still there: %v", err)
	}
}

// lateContext is cancelled after it was asked a number of times.
type lateContext struct {
	context.Context
	left int
}

func (c *lateContext) Err() error {
	c.left--
	if c.left < 0 {
		return context.Canceled
	}
	return nil
}

// Stopped at any point, Open leaves no folder that a later run would trust.
func TestOpenStopped(t *testing.T) {
	_, archive := sample{}.write(t)
	for left := range 1000 {
		cache := t.TempDir()
		_, err := bundle.Open(&lateContext{context.Background(), left}, archive, cache)
		if err == nil {
			if left < 10 {
				t.Errorf("the context was asked %d times only", left)
			}
			return
		}
		expect(t, err, context.Canceled.Error())
		noBundleIn(t, cache)
	}
	t.Error("never opened")
}

func TestOpenAtTheSameTime(t *testing.T) {
	_, archive := sample{}.write(t)
	cache := t.TempDir()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := bundle.Open(context.Background(), archive, cache); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestWriteImages(t *testing.T) {
	_, archive := sample{}.write(t)
	b, err := bundle.Open(context.Background(), archive, t.TempDir())
	must(t, err)
	const proxy = "registry.k8s.io/kube-proxy:v1.37.0"
	var stream bytes.Buffer
	const name = "registry.example.com/k8s/kube-proxy:v1.37.0"
	must(t, b.WriteImages(&stream, map[string]string{name: proxy}, nil))
	dir := t.TempDir()
	for r := tar.NewReader(&stream); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		path := filepath.Join(dir, header.Name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		content, err := io.ReadAll(r)
		must(t, err)
		must(t, os.WriteFile(path, content, 0o644))
	}
	text, err := os.ReadFile(filepath.Join(dir, "index.json"))
	must(t, err)
	var index v1.IndexManifest
	must(t, json.Unmarshal(text, &index))
	if len(index.Manifests) != 1 || index.Manifests[0].Annotations["io.containerd.image.name"] != name {
		t.Fatalf("index is %s", text)
	}
	oci, err := layout.FromPath(dir)
	must(t, err)
	image, err := oci.Image(index.Manifests[0].Digest)
	must(t, err)
	layers, err := image.Layers()
	must(t, err)
	if len(layers) != 2 {
		t.Errorf("%d layers, want 2", len(layers))
	}
	var part bytes.Buffer
	has := index.Manifests[0].Digest // no layer: it is not asked for
	must(t, b.WriteImages(&part, map[string]string{name: proxy}, func(layer string) bool { return layer == has.Hex || layer == first(t, layers) }))
	if names := entries(t, &part); slices.Contains(names, "blobs/sha256/"+first(t, layers)) || !slices.Contains(names, "blobs/sha256/"+has.Hex) || len(names) != 5 {
		t.Errorf("with a layer that the runtime has, the stream has %q", names)
	}
	if err := b.WriteImages(io.Discard, map[string]string{"absent": "absent"}, nil); err == nil {
		t.Error("an absent image was written")
	}
}

func first(t *testing.T, layers []v1.Layer) string {
	t.Helper()
	digest, err := layers[0].Digest()
	must(t, err)
	return digest.Hex
}

func entries(t *testing.T, stream io.Reader) (names []string) {
	t.Helper()
	for r := tar.NewReader(stream); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		must(t, err)
		names = append(names, header.Name)
	}
}

func TestFirstReadIsCheap(t *testing.T) {
	_, archive := sample{}.write(t)
	cache := t.TempDir()
	_, err := bundle.Open(context.Background(), archive, cache)
	must(t, err)
	begin := time.Now()
	_, err = bundle.Open(context.Background(), archive, cache)
	must(t, err)
	if took := time.Since(begin); took > time.Second {
		t.Errorf("opening an unpacked bundle took %v", took)
	}
}
