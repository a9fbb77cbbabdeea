package mirror_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/bundle/build"
	"keelway.dev/keelway/internal/bundle/mirror"
	"keelway.dev/keelway/internal/release"

	"io"
)

// program starts as an ELF program of this machine does.
func program(text string) []byte {
	machine := map[string]uint16{"amd64": 62, "arm64": 183}[runtime.GOARCH]
	head := append([]byte("\x7fELF"), 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0)
	return append(binary.LittleEndian.AppendUint16(head, machine), text...)
}

// upstream serves every file of a release, made up, with its checksum.
func upstream(t *testing.T, r release.Release) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, s := range mirror.Sources(r) {
		content := []byte(nil)
		var archive bytes.Buffer
		z := gzip.NewWriter(&archive)
		w := tar.NewWriter(z)
		for name, member := range s.Members {
			if member == "" {
				content = program(name)
				continue
			}
			text := program(name)
			must(t, w.WriteHeader(&tar.Header{Name: "./" + member, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(text))}))
			_, err := w.Write(text)
			must(t, err)
		}
		if content == nil {
			must(t, w.Close())
			must(t, z.Close())
			content = archive.Bytes()
		}
		files["/"+s.Host+s.Path] = content
		sum := fmt.Sprintf("%x", sha256.Sum256(content))
		if !strings.HasSuffix(s.Checksum, ".sha256") {
			sum = fmt.Sprintf("%064d  other.tar.gz\n%s *%s\n", 0, sum, path.Base(s.Path))
		}
		files["/"+s.Host+s.Checksum] = []byte(sum)
	}
	return files
}

func serve(t *testing.T, files map[string][]byte) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// images pushes made-up images of a release to a registry, each with a
// compressed layer, and returns their configs' digests by name.
func images(t *testing.T, r release.Release) (host string, configs map[string]string) {
	t.Helper()
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	host = strings.TrimPrefix(server.URL, "http://")
	configs = map[string]string{}
	for _, image := range release.Images() {
		if strings.HasPrefix(release.Repository(image), release.Own) {
			continue // no registry has it
		}
		var layer bytes.Buffer
		w := tar.NewWriter(&layer)
		text := program(image)
		must(t, w.WriteHeader(&tar.Header{Name: "usr/local/bin/" + image, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(text))}))
		_, err := w.Write(text)
		must(t, err)
		must(t, w.Close())
		compressed, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
		must(t, err)
		made, err := mutate.AppendLayers(empty.Image, compressed)
		must(t, err)
		made, err = mutate.ConfigFile(made, &v1.ConfigFile{
			OS: "linux", Architecture: runtime.GOARCH, Config: v1.Config{Entrypoint: []string{image}}, RootFS: rootFS(t, made),
		})
		must(t, err)
		_, repository, _ := strings.Cut(r.Image(image), "/")
		reference, err := name.ParseReference(host + "/" + repository)
		must(t, err)
		must(t, remote.Write(reference, made))
		digest, err := made.ConfigName()
		must(t, err)
		configs[image] = digest.Hex
	}
	return host, configs
}

func rootFS(t *testing.T, image v1.Image) v1.RootFS {
	t.Helper()
	config, err := image.ConfigFile()
	must(t, err)
	return config.RootFS
}

func options(t *testing.T, url, host string) mirror.Options {
	t.Helper()
	dir := t.TempDir()
	return mirror.Options{URL: url, Registry: host, Options: build.Options{
		Kubernetes: release.Default().Kubernetes, Source: "../../../components",
		Cache: filepath.Join(dir, "cache"), Output: filepath.Join(dir, "bundle.tar.zst"),
	}}
}

func TestRun(t *testing.T) {
	r := release.Default()
	files := upstream(t, r)
	host, configs := images(t, r)
	o := options(t, serve(t, files), host)
	result, err := mirror.Run(context.Background(), o)
	must(t, err)
	want := bundle.Want{Kubernetes: r.Kubernetes, OS: "linux", Arch: runtime.GOARCH}
	for _, image := range release.Images() {
		if strings.HasPrefix(release.Repository(image), release.Own) {
			continue // no registry has it
		}
		want.Images = append(want.Images, r.Image(image))
	}
	recipe, err := build.ReadRecipe(o.Source)
	must(t, err)
	want.Binaries = recipe.Binaries
	_, err = bundle.Verify(context.Background(), o.Output, want, nil)
	must(t, err)
	for image, config := range configs {
		got, _ := result.Manifest.Image(r.Image(image))
		switch {
		case image == "flannel":
			// It gets the CNI plugins and install-cni, which upstream has elsewhere.
			if len(got.Layers) != 2 {
				t.Errorf("flannel has %d layers, want upstream's and ours", len(got.Layers))
			}
		case got.Config != config:
			t.Errorf("image %s has the ID %s, upstream's is %s", image, got.Config, config)
		}
	}
	// Once more without the files: all but the checksums is in the cache.
	for name := range files {
		for _, s := range mirror.Sources(r) {
			if name == "/"+s.Host+s.Path {
				delete(files, name)
			}
		}
	}
	_, err = mirror.Run(context.Background(), o)
	must(t, err)
}

func TestRunRefuses(t *testing.T) {
	r := release.Default()
	host, _ := images(t, r)
	kubelet := "/dl.k8s.io/release/" + r.Kubernetes + "/bin/linux/" + runtime.GOARCH + "/kubelet"
	rows := []struct {
		name  string
		spoil func(files map[string][]byte)
		host  string
		error string
	}{
		{"file altered", func(f map[string][]byte) { f[kubelet] = append(f[kubelet], 0) }, host, "upstream's checksum says"},
		{"file missing", func(f map[string][]byte) { delete(f, kubelet) }, host, "404"},
		{"checksum missing", func(f map[string][]byte) { delete(f, kubelet+".sha256") }, host, "404"},
		{"checksum of another file", func(f map[string][]byte) {
			f[kubelet+".sha256"] = fmt.Appendf(nil, "%x  kubectl\n", sha256.Sum256(f[kubelet]))
		}, host, "has no sha256 of kubelet"},
		{"checksum is a page", func(f map[string][]byte) { f[kubelet+".sha256"] = []byte("<html>log in</html>") }, host, "has no sha256 of kubelet"},
		{"registry is empty", func(map[string][]byte) {}, emptyRegistry(t), "kube-apiserver"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			files := upstream(t, r)
			row.spoil(files)
			o := options(t, serve(t, files), row.host)
			_, err := mirror.Run(context.Background(), o)
			if err == nil || !strings.Contains(err.Error(), row.error) {
				t.Errorf("error is %v, want one with %q", err, row.error)
			}
			if left, _ := filepath.Glob(o.Output + "*"); len(left) > 0 {
				t.Errorf("a bundle was written all the same: %v", left)
			}
		})
	}
}

func emptyRegistry(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
