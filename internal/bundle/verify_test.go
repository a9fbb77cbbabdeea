package bundle_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/bundle/archive"
	"keelway.dev/keelway/internal/bundle/assemble"
)

func verify(path string, want bundle.Want) error {
	_, err := bundle.Verify(context.Background(), path, want, nil)
	return err
}

func TestVerifyWhole(t *testing.T) {
	folder, archive := sample{}.write(t)
	plain, plainArchive := sample{plain: true}.write(t)
	for _, path := range []string{folder, archive, plain, plainArchive} {
		if err := verify(path, wanted()); err != nil {
			t.Errorf("a whole bundle is refused: %v", err)
		}
	}
	opened, err := bundle.Open(context.Background(), archive, t.TempDir())
	must(t, err)
	if err := verify(opened.Folder, wanted()); err != nil {
		t.Errorf("an unpacked bundle is refused: %v", err)
	}
}

// Each row makes a bundle that is wrong in one way, and says what the error names.
func TestVerifyRefuses(t *testing.T) {
	const blob = "oci/blobs/sha256/"
	rows := []struct {
		name   string
		sample sample
		want   func(*bundle.Want)
		spoil  func(t *testing.T, folder string, m bundle.Manifest)
		error  string
	}{
		{name: "image absent", want: func(w *bundle.Want) { w.Images = append(w.Images, "registry.k8s.io/etcd:3.7.3-0") }, error: "image registry.k8s.io/etcd:3.7.3-0: is not in the bundle"},
		{name: "binary absent", want: func(w *bundle.Want) { w.Binaries = append(w.Binaries, "crictl") }, error: "binary crictl: is not in the bundle"},
		{name: "version", want: func(w *bundle.Want) { w.Kubernetes = "v1.36.3" }, error: "holds Kubernetes v1.37.0, wanted is v1.36.3"},
		{name: "architecture", want: func(w *bundle.Want) { w.Arch = "arm64" }, error: "is for linux/amd64, wanted is linux/arm64"},
		{name: "program of another machine", sample: sample{machine: arm64}, error: "ELF machine 183, want 62"},
		{name: "image of another machine", sample: sample{imageFor: "arm64"}, error: "is for linux/arm64, the bundle is for linux/amd64"},
		{name: "architecture unknown", sample: sample{arch: "mips"}, error: `architecture "mips" is not known`},
		{name: "program is a script", sample: sample{notELF: true}, error: "is no ELF program"},
		{name: "library of another machine in a layer", sample: sample{entries: []assemble.Entry{{Name: "lib/x.so", Mode: 0o644, Content: program(arm64, "")}}}, error: "lib/x.so: is a program for another machine"},
		{name: "layer leaves the image", sample: sample{entries: []assemble.Entry{{Name: "a/../../etc/cron.d/x", Mode: 0o644}}}, error: "would leave the image's folder"},
		{name: "layer is another than the config's", sample: sample{spoil: func(_ *testing.T, _ string, l assemble.Layer) assemble.Layer {
			return assemble.Layer{Digest: l.Digest, DiffID: strings.Repeat("0", 64)}
		}}, error: "the layers in its manifest, its config and manifest.json are not the same"},
		{name: "compressed layer called plain", sample: sample{spoil: func(_ *testing.T, _ string, l assemble.Layer) assemble.Layer {
			return assemble.Layer{Digest: l.Digest, DiffID: l.Digest}
		}}, error: "is not the application/vnd.oci.image.layer.v1.tar that its manifest says"},
		{name: "compressed layer cut off", sample: sample{spoil: func(t *testing.T, dir string, l assemble.Layer) assemble.Layer {
			text, err := os.ReadFile(filepath.Join(dir, l.Digest))
			must(t, err)
			text = text[:len(text)/2]
			cut := assemble.Layer{Digest: fmt.Sprintf("%x", sha256.Sum256(text)), DiffID: l.DiffID}
			must(t, os.WriteFile(filepath.Join(dir, cut.Digest), text, 0o644))
			return cut
		}}, error: "cannot be unpacked"},
		{name: "manifest missing", spoil: remove(bundle.ManifestName), error: "manifest.json"},
		{name: "manifest's digest missing", spoil: remove(bundle.DigestName), error: "manifest.json.sha256"},
		{name: "layout missing", spoil: remove("oci/oci-layout"), error: "oci/oci-layout: is missing"},
		{name: "index missing", spoil: remove("oci/index.json"), error: "oci/index.json: is missing"},
		{name: "program missing", spoil: remove("bin/runc"), error: "bin/runc: is missing"},
		{name: "SBOM missing", spoil: remove("sbom.spdx.json"), error: "sbom.spdx.json: is missing"},
		{name: "layer missing", spoil: func(t *testing.T, folder string, m bundle.Manifest) {
			remove(blob+m.Images[0].Layers[0])(t, folder, m)
		}, error: "is missing"},
		{name: "program cut off", spoil: func(t *testing.T, folder string, _ bundle.Manifest) {
			must(t, os.Truncate(filepath.Join(folder, "bin/runc"), 10))
		}, error: "bin/runc: has 10 bytes"},
		{name: "program altered", spoil: func(t *testing.T, folder string, _ bundle.Manifest) {
			flip(t, filepath.Join(folder, "bin/runc"), 8*25)
		}, error: "bin/runc: has sha256"},
		{name: "file added", spoil: func(t *testing.T, folder string, _ bundle.Manifest) {
			must(t, os.WriteFile(filepath.Join(folder, "bin/extra"), nil, 0o755))
		}, error: "bin/extra: is not in manifest.json"},
		{name: "mode changed", spoil: func(t *testing.T, folder string, _ bundle.Manifest) {
			must(t, os.Chmod(filepath.Join(folder, "bin/runc"), 0o777))
		}, error: "bin/runc: has mode"},
		{name: "link out of the folder", spoil: func(t *testing.T, folder string, m bundle.Manifest) {
			remove("bin/runc")(t, folder, m)
			must(t, os.Symlink("/bin/true", filepath.Join(folder, "bin/runc")))
		}, error: "bin/runc: a bundle holds regular files only"},
		{name: "folder is a link", spoil: func(t *testing.T, folder string, _ bundle.Manifest) {
			must(t, os.Rename(filepath.Join(folder, "bin"), folder+".bin"))
			must(t, os.Symlink(folder+".bin", filepath.Join(folder, "bin")))
		}, error: "bin: a bundle holds regular files only"},
		{name: "copied program altered", spoil: func(t *testing.T, folder string, _ bundle.Manifest) {
			must(t, os.WriteFile(filepath.Join(folder, "bin/kubelet"), program(amd64, "something else"), 0o755))
		}, error: "bin/kubelet: has sha256"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			folder, file := row.sample.write(t)
			want := wanted()
			if row.want != nil {
				row.want(&want)
			}
			paths := []string{folder, file}
			if row.spoil != nil {
				text, err := os.ReadFile(filepath.Join(folder, bundle.ManifestName))
				must(t, err)
				m, err := bundle.DecodeManifest(text)
				must(t, err)
				row.spoil(t, folder, m)
				paths = paths[:1]
			}
			for _, path := range paths {
				if err := verify(path, want); err == nil || !strings.Contains(err.Error(), row.error) {
					t.Errorf("%s: error is %v, want one with %q", filepath.Base(path), err, row.error)
				}
			}
		})
	}
}

func remove(name string) func(*testing.T, string, bundle.Manifest) {
	return func(t *testing.T, folder string, _ bundle.Manifest) {
		must(t, os.Remove(filepath.Join(folder, name)))
	}
}

// A manifest may lie about paths, and be signed and whole all the same.
func TestManifestPaths(t *testing.T) {
	folder, _ := sample{}.write(t)
	text, err := os.ReadFile(filepath.Join(folder, bundle.ManifestName))
	must(t, err)
	good, err := bundle.DecodeManifest(text)
	must(t, err)
	for _, path := range []string{
		"../outside", "/etc/passwd", "bin/../../outside", "..", ".", "", "bin//runc", "bin/./runc", "bin/", `bin\runc`, "bin/\x00",
		bundle.ManifestName, bundle.SignatureName, good.Files[1].Path,
	} {
		bad := good
		bad.Files = append([]bundle.File{}, good.Files...)
		bad.Files[0].Path = path
		refused(t, bad, "file "+path)
		bad = good
		bad.Binaries = append([]bundle.Binary{}, good.Binaries...)
		bad.Binaries[0].Path = path
		refused(t, bad, "binary "+path)
	}
	for _, in := range []string{"../kube", "/usr/local/bin/kube", ""} {
		bad := good
		bad.Binaries = append([]bundle.Binary{}, good.Binaries...)
		bad.Binaries[0].In = in
		refused(t, bad, "in layer "+in)
	}
	bad := good
	bad.Format = 3
	refused(t, bad, "format 3")
}

func refused(t *testing.T, m bundle.Manifest, what string) {
	t.Helper()
	text, err := m.Encode()
	must(t, err)
	if _, err := bundle.DecodeManifest(text); err == nil {
		t.Errorf("%q is accepted", what)
	}
}

// An archive with one entry too many, under a correct end.
func TestArchiveEntries(t *testing.T) {
	for _, name := range []string{"../x", "/etc/x", "a/../../x", "x", "bin/runc", bundle.ManifestName, bundle.SignatureName} {
		folder, _ := sample{}.write(t)
		text, err := os.ReadFile(filepath.Join(folder, bundle.ManifestName))
		must(t, err)
		m, err := bundle.DecodeManifest(text)
		must(t, err)
		var sources []archive.Source
		for _, file := range append([]string{bundle.ManifestName, bundle.DigestName}, paths(m)...) {
			sources = append(sources, source(t, folder, file, file))
		}
		sources = append(sources, source(t, folder, "bin/runc", name))
		path, cache := filepath.Join(t.TempDir(), "b.tar.zst"), t.TempDir()
		f, err := os.Create(path)
		must(t, err)
		must(t, archive.Write(context.Background(), f, sources, 2, nil, nil))
		must(t, f.Close())
		if _, err := bundle.Open(context.Background(), path, cache); err == nil {
			t.Errorf("an archive with entry %q is opened", name)
		}
		if verify(path, bundle.Want{}) == nil {
			t.Errorf("an archive with entry %q is accepted", name)
		}
		noBundleIn(t, cache)
	}
}

func paths(m bundle.Manifest) []string {
	var all []string
	for _, f := range m.Files {
		all = append(all, f.Path)
	}
	return all
}

func source(t *testing.T, folder, file, name string) archive.Source {
	t.Helper()
	path := filepath.Join(folder, file)
	info, err := os.Stat(path)
	must(t, err)
	return archive.Source{Name: name, Path: path, Mode: info.Mode(), Size: info.Size()}
}

// Every cut and every flipped bit is seen, in both forms.
func TestDamage(t *testing.T) {
	folder, file := sample{}.write(t)
	must(t, bundle.Sign(file, key(1)))
	must(t, bundle.Sign(folder, key(1)))
	good, err := os.ReadFile(file)
	must(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	bad := filepath.Join(t.TempDir(), "bad.tar.zst")
	flips := 10_000
	for range flips {
		bit := random.IntN(len(good) * 8)
		damaged := bytes.Clone(good)
		damaged[bit/8] ^= 1 << (bit % 8)
		must(t, os.WriteFile(bad, damaged, 0o644))
		if verify(bad, bundle.Want{}) == nil {
			t.Fatalf("bit %d of %d bytes flipped, and nobody saw it", bit, len(good))
		}
	}
	for length := range len(good) {
		must(t, os.WriteFile(bad, good[:length], 0o644))
		if verify(bad, bundle.Want{}) == nil {
			t.Fatalf("cut to %d of %d bytes, and nobody saw it", length, len(good))
		}
	}
	var files []string
	must(t, filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	}))
	for range flips / 2 {
		path := files[random.IntN(len(files))]
		info, err := os.Stat(path)
		must(t, err)
		bit := int64(random.IntN(int(info.Size()) * 8))
		flip(t, path, bit)
		if verify(folder, bundle.Want{}) == nil {
			t.Fatalf("bit %d of %s flipped, and nobody saw it", bit, path)
		}
		flip(t, path, bit)
	}
	must(t, verify(folder, wanted()))
}

func flip(t *testing.T, path string, bit int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	var b [1]byte
	_, err = f.ReadAt(b[:], bit/8)
	must(t, err)
	b[0] ^= 1 << (bit % 8)
	_, err = f.WriteAt(b[:], bit/8)
	must(t, err)
}

func key(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func noBundleIn(t *testing.T, cache string) {
	t.Helper()
	entries, err := os.ReadDir(cache)
	must(t, err)
	for _, e := range entries {
		if e.IsDir() {
			t.Error(fmt.Sprint("a refused archive left ", e.Name()))
		}
	}
}
