package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	plugins, conf := filepath.Join(dir, "plugins"), filepath.Join(dir, "cni-conf.json")
	bin, conflist := filepath.Join(dir, "host/opt/cni/bin"), filepath.Join(dir, "host/etc/cni/net.d/10-flannel.conflist")
	must(t, os.MkdirAll(plugins, 0o755))
	must(t, os.WriteFile(filepath.Join(plugins, "bridge"), []byte("new"), 0o755))
	must(t, os.WriteFile(conf, []byte("{}"), 0o644))
	must(t, os.MkdirAll(bin, 0o755))
	must(t, os.WriteFile(filepath.Join(bin, "bridge"), []byte("old"), 0o600))
	must(t, os.WriteFile(filepath.Join(bin, "calico"), []byte("of others"), 0o755))

	args := []string{"-plugins", plugins, "-plugins-to", bin, "-conf", conf, "-conf-to", conflist}
	must(t, run(args))
	for path, want := range map[string]string{
		filepath.Join(bin, "bridge"): "new", filepath.Join(bin, "calico"): "of others", conflist: "{}",
	} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s = %q, %v; want %q", path, got, err, want)
		}
	}
	before, err := os.Stat(filepath.Join(bin, "bridge"))
	must(t, err)
	if before.Mode() != 0o755 {
		t.Errorf("mode is %v", before.Mode())
	}
	must(t, run(args))
	after, err := os.Stat(filepath.Join(bin, "bridge"))
	must(t, err)
	if !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Error("an equal file was written again")
	}
	left, err := os.ReadDir(bin)
	must(t, err)
	if len(left) != 2 {
		t.Errorf("temporary files are left: %v", left)
	}
	if err := run([]string{"-plugins", filepath.Join(dir, "absent"), "-plugins-to", bin}); err == nil {
		t.Error("an absent folder passed")
	}
	if err := run([]string{"-plugins", "", filepath.Join(dir, "absent")}); err == nil {
		t.Error("an absent program was run")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
