package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDebianPackage builds the packages from bin/keelway and the bundle in
// dist/, unpacks them and runs what is inside.
func TestDebianPackage(t *testing.T) {
	folder, unpacked := t.TempDir(), t.TempDir()
	if out, err := run(t, ".", nil, "packaging/build.sh", "v1.37.0", folder); err != nil {
		t.Fatalf("packaging/build.sh (it needs `make bundle`): %v\n%s", err, out)
	}
	packages, err := filepath.Glob(filepath.Join(folder, "*.deb"))
	if err != nil || len(packages) != 2 {
		t.Fatalf("built %v, want keelway and its bundle: %v", packages, err)
	}
	for _, file := range packages {
		if out, err := run(t, ".", nil, "dpkg-deb", "--extract", file, unpacked); err != nil {
			t.Fatalf("dpkg-deb --extract %s: %v\n%s", file, err, out)
		}
	}
	want, err := run(t, ".", nil, "bin/keelway", "version")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := run(t, ".", nil, filepath.Join(unpacked, "usr/bin/keelway"), "version"); err != nil || got != want {
		t.Errorf("the packaged keelway says %q, %v; bin/keelway says %q", got, err, want)
	}
	bundle := "keelway-bundle-v1.37.0-linux-amd64.tar.zst"
	if out, err := run(t, ".", nil, "cmp", filepath.Join("dist", bundle), filepath.Join(unpacked, "usr/share/keelway", bundle)); err != nil {
		t.Errorf("the packaged bundle is another one: %v\n%s", err, out)
	}
	for file, holds := range map[string]string{
		"usr/share/bash-completion/completions/keelway":     "__start_keelway",
		"usr/share/zsh/vendor-completions/_keelway":         "#compdef keelway",
		"usr/share/fish/vendor_completions.d/keelway.fish":  "complete -c keelway",
		"usr/lib/systemd/system/keelway-up.service":         "ExecStart=/usr/bin/keelway up",
		"usr/share/doc/keelway/copyright":                   "Apache-2.0",
		"usr/share/doc/keelway-bundle-v1.37.0/copyright":    "Apache-2.0",
		"usr/share/man/man1/keelway-up.1.gz":                "",
		"usr/share/man/man1/keelway-bundle-verify.1.gz":     "",
		"usr/share/doc/keelway-bundle-v1.37.0/changelog.gz": "",
		"usr/share/doc/keelway/changelog.gz":                "",
	} {
		text, err := os.ReadFile(filepath.Join(unpacked, file))
		if err != nil || len(text) == 0 || !strings.Contains(string(text), holds) {
			t.Errorf("%s has %d bytes and should hold %q: %v", file, len(text), holds, err)
		}
	}
	if os.Getenv("KEELWAY_LONG") == "" {
		return
	}
	again := t.TempDir()
	if out, err := run(t, ".", nil, "packaging/build.sh", "v1.37.0", again); err != nil {
		t.Fatalf("packaging/build.sh: %v\n%s", err, out)
	}
	if out, err := run(t, ".", nil, "diff", "-r", folder, again); err != nil {
		t.Errorf("the same inputs gave other packages: %v\n%s", err, out)
	}
}
