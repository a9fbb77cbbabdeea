package build

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"keelway.dev/keelway/internal/release"
)

const components = "../../../components"

// The recipe, the modules, the lock and the release table are four lists of the
// same things.
func TestRecipeFitsEveryRelease(t *testing.T) {
	recipe, err := ReadRecipe(components)
	must(t, err)
	for _, r := range release.All() {
		used := map[string]bool{}
		for _, p := range recipe.Programs {
			component, ok := r.Component(p.Component)
			if p.Component != "" && !ok {
				t.Errorf("%s: program %s belongs to component %q, which is in no release", r.Kubernetes, p.Name, p.Component)
			}
			used[p.Component] = true
			folder := filepath.Join(components, fill(p.Folder, component, time.Time{}))
			if p.Source == "" {
				if err := checkModule(folder, component); err != nil {
					t.Errorf("%s: program %s: %v", r.Kubernetes, p.Name, err)
				}
			} else if _, err := os.Stat(filepath.Join(folder, p.Source)); err != nil {
				t.Error(err)
			}
			if p.Seconds <= 0 {
				t.Errorf("program %s has no estimate", p.Name)
			}
		}
		for _, c := range r.Components() {
			if !used[c.Name] {
				t.Errorf("%s: no program belongs to component %s", r.Kubernetes, c.Name)
			}
		}
	}
	var images []string
	for _, i := range recipe.Images {
		images = append(images, i.Name)
	}
	want := release.Images()
	slices.Sort(images)
	slices.Sort(want)
	if !slices.Equal(images, want) {
		t.Errorf("the recipe makes images %q, releases have %q", images, want)
	}
}

func TestLockHoldsTheRecipesPackages(t *testing.T) {
	recipe, err := ReadRecipe(components)
	must(t, err)
	lock, err := readLock(components)
	must(t, err)
	for _, layer := range recipe.Layers {
		for _, want := range append(layer.Debian, layer.Certificates) {
			if want != "" && !slices.ContainsFunc(lock, func(l locked) bool { return l.name == want }) {
				t.Errorf("%s lacks %s: run keelway bundle lock", LockName, want)
			}
		}
	}
	for _, l := range lock {
		if want := release.Default().HAProxy; l.name == "haproxy" && l.version != want {
			t.Errorf("%s has HAProxy %s, the release says %s: its image's tag is made of that", LockName, l.version, want)
		}
	}
	for _, l := range lock {
		if l.arch != "amd64" && l.arch != "all" {
			t.Errorf("%s is for %s", l.name, l.arch)
		}
	}
}

func TestDependencies(t *testing.T) {
	const control = "Package: a\nDepends: libc6 (>= 2.34), libsystemd0 | libelogind0, perl:any, lsb-base (>= 3.0-6)\nPre-Depends: dpkg\nSuggests: vim\n"
	if got, want := dependencies(control), []string{"libc6", "libsystemd0", "perl", "lsb-base", "dpkg"}; !slices.Equal(got, want) {
		t.Errorf("dependencies gives %q, want %q", got, want)
	}
}

func TestReadLockRefuses(t *testing.T) {
	for _, line := range []string{"nftables", "nftables 1.0 amd64", "nftables 1.0 amd64 abc", "a b c d e"} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, LockName), []byte("# a comment\n\n"+line+"\n"), 0o644))
		if _, err := readLock(dir); err == nil {
			t.Errorf("%q is accepted", line)
		}
	}
}

func TestRecipeRefuses(t *testing.T) {
	const programs = "programs: [{name: a, folder: a, package: ., calls: [b], seconds: 1}]\n"
	rows := map[string]string{
		"unknown field":      programs + "program: x\n",
		"layer's program":    programs + "layers: [{name: l, files: {bin/x: x}}]\n",
		"image's layer":      programs + "images: [{name: etcd, layers: [l]}]\n",
		"unknown image":      programs + "images: [{name: nginx}]\n",
		"unknown binary":     programs + "binaries: [c]\n",
		"unknown capability": programs + "layers: [{name: l, capability: cap_sys_admin}]\n",
	}
	for name, text := range rows {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, RecipeName), []byte(text), 0o644))
		if _, err := ReadRecipe(dir); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, RecipeName), []byte(programs+"binaries: [a, b]\n"), 0o644))
	_, err := ReadRecipe(dir)
	must(t, err)
}

func TestFill(t *testing.T) {
	c := release.Component{Name: "kubernetes", Version: "v1.37.0"}
	when := time.Date(2026, 8, 26, 10, 44, 20, 0, time.FixedZone("", 3600))
	const text = "{version} {minor} {majorNumber} {minorNumber} {released}"
	if got, want := fill(text, c, when), "v1.37.0 v1.37 1 37 2026-08-26T09:44:20Z"; got != want {
		t.Errorf("fill gives %q, want %q", got, want)
	}
}

func TestDropped(t *testing.T) {
	patterns := []string{"usr/share/man/**", "usr/share/doc/*/changelog*", "usr/share/doc/*/examples/**", "etc/x.conf", "lib/libnss_*"}
	rows := map[string]bool{
		"usr/share/man/man8/nft.8.gz":          true,
		"usr/share/manual":                     false,
		"usr/share/man":                        false,
		"usr/share/doc/libc6/changelog.gz":     true,
		"usr/share/doc/libc6/copyright":        false,
		"usr/share/doc/nftables/examples/a/b":  true,
		"usr/share/doc/nftables/a/examples/b":  false,
		"etc/x.conf":                           true,
		"etc/x.conf.d":                         false,
		"lib/libnss_files.so.2":                true,
		"lib/x86_64-linux-gnu/libnss_files.so": false,
	}
	for name, want := range rows {
		if got := dropped(name, patterns); got != want {
			t.Errorf("dropped(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestFileCapability(t *testing.T) {
	// As setcap cap_net_bind_service=+ep writes it.
	want := []byte{1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if got := fileCapability("cap_net_bind_service"); !bytes.Equal(got, want) {
		t.Errorf("fileCapability gives %v, want %v", got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
