package build

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/release"
)

// small is a recipe with two programs of our own, which compile in a second.
const small = `
programs:
  - {name: tool, folder: tool, package: ., calls: [tool, toolctl], seconds: 2}
  - {name: pause, folder: pause, source: pause.c, cgo: [libc6-dev], seconds: 1}
  - {name: linked, folder: linked, package: ., cgo: [libc6-dev], tags: [netgo, osusergo], seconds: 2}
layers:
  - {name: base, accounts: true}
  - {name: tool, files: {usr/bin/tool: tool}, capability: cap_net_bind_service}
  - {name: pause, files: {pause: pause}}
images:
  - {name: etcd, layers: [base, tool], entrypoint: [/usr/bin/tool]}
  - {name: pause, layers: [pause], entrypoint: [/pause], user: "65535:65535"}
binaries: [tool, toolctl, linked]
debian: {drop: []}
`

// sources writes the small recipe's sources to a new folder.
func sources(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		RecipeName:         small,
		LockName:           "# nothing\n",
		"shared/go.mod":    "module example.org/shared\n\ngo 1.25.0\n",
		"shared/shared.go": "package shared\n\nconst Name = \"tool\"\n",
		"tool/go.mod": "module example.org/tool\n\ngo 1.25.0\n\nrequire example.org/shared v0.0.0\n\n" +
			"replace example.org/shared => ../shared\n",
		"tool/main.go":   "package main\n\nimport \"example.org/shared\"\n\nfunc main() { println(shared.Name) }\n",
		"linked/go.mod":  "module example.org/linked\n\ngo 1.25.0\n",
		"linked/main.go": "package main\n\n// int one(void) { return 1; }\nimport \"C\"\n\nfunc main() { println(C.one()) }\n",
		"pause/pause.c":  "#include <unistd.h>\nint main(void) { return pause(); }\n",
	} {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

type recorder struct{ reports []Progress }

func (r *recorder) report(p Progress) { r.reports = append(r.reports, p) }

// compiled lists the programs that were compiled, not taken from the cache.
func (r *recorder) compiled() string {
	var names []string
	for _, p := range r.reports {
		if p.Finished && !p.Cached && p.Name != "debian" && p.Name != "assemble" && p.Name != "pack" {
			names = append(names, p.Name)
		}
	}
	r.reports = nil
	return strings.Join(names, " ")
}

// The same sources give the same bytes, in another folder and from nothing.
func TestRunIsReproducible(t *testing.T) {
	var archives [2][]byte
	for i := range archives {
		t.Chdir(t.TempDir())
		o := Options{Source: sources(t), Cache: filepath.Join("dist", "cache"), Output: filepath.Join("dist", "b.tar.zst")}
		result, err := Run(context.Background(), o)
		must(t, err)
		archives[i], err = os.ReadFile(o.Output)
		must(t, err)
		if result.Skipped || result.Size != int64(len(archives[i])) {
			t.Errorf("result is %+v", result)
		}
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("two builds of the same sources differ")
	}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	var seen recorder
	o := Options{
		Source: sources(t), Cache: filepath.Join(dir, "cache"), Output: filepath.Join(dir, "b.tar.zst"),
		Folder: filepath.Join(dir, "b"), Progress: seen.report,
	}
	run := func(wantSkipped bool, wantCompiled string) Result {
		t.Helper()
		result, err := Run(context.Background(), o)
		must(t, err)
		if compiled := seen.compiled(); result.Skipped != wantSkipped || compiled != wantCompiled {
			t.Errorf("skipped is %v, compiled %q; want %v, %q", result.Skipped, compiled, wantSkipped, wantCompiled)
		}
		return result
	}
	run(false, "tool pause linked")
	r := release.Default()
	want := bundle.Want{
		Kubernetes: r.Kubernetes, OS: "linux", Arch: runtime.GOARCH,
		Images: []string{r.Image("etcd"), r.Image("pause")}, Binaries: []string{"tool", "toolctl", "linked"},
	}
	for _, path := range []string{o.Output, o.Folder} {
		_, err := bundle.Verify(context.Background(), path, want, nil)
		must(t, err)
	}
	run(true, "")
	// A program whose source changed is compiled again, and no other.
	must(t, os.WriteFile(filepath.Join(o.Source, "tool/main.go"), []byte("package main\n\nimport \"example.org/shared\"\n\nfunc main() { println(\"the\", shared.Name) }\n"), 0o644))
	run(false, "tool")
	run(true, "")
	// So is one that shares a module whose source changed.
	must(t, os.WriteFile(filepath.Join(o.Source, "shared/shared.go"), []byte("package shared\n\nconst Name = \"new\"\n"), 0o644))
	run(false, "tool")
	must(t, os.Remove(o.Output))
	run(false, "")
	must(t, os.Truncate(o.Output, 100))
	run(false, "")
	must(t, os.RemoveAll(o.Folder))
	run(false, "")
	o.Force = true
	run(false, "")
}

func TestRunFails(t *testing.T) {
	rows := []struct {
		name  string
		spoil func(t *testing.T, o *Options)
		error string
	}{
		{"no such version", func(_ *testing.T, o *Options) { o.Kubernetes = "v1.20.0" }, "no release for Kubernetes"},
		{"no recipe", func(t *testing.T, o *Options) { o.Source = t.TempDir() }, RecipeName},
		{"does not compile", func(t *testing.T, o *Options) {
			must(t, os.WriteFile(filepath.Join(o.Source, "tool/main.go"), []byte("package main\n\nfunc main() { missing() }\n"), 0o644))
		}, "undefined: missing"},
		{"C does not compile", func(t *testing.T, o *Options) {
			must(t, os.WriteFile(filepath.Join(o.Source, "pause/pause.c"), []byte("int main(void) { return x; }\n"), 0o644))
		}, "cannot compile pause"},
		{"library not installed", func(t *testing.T, o *Options) {
			text := strings.ReplaceAll(small, "cgo: [libc6-dev], tags", "cgo: [libkeelway-absent-dev], tags")
			must(t, os.WriteFile(filepath.Join(o.Source, RecipeName), []byte(text), 0o644))
		}, "apt-get install"},
		{"package that Debian has not", func(t *testing.T, o *Options) {
			line := "keelway-absent 1.0 amd64 " + strings.Repeat("0", 64) + "\n"
			must(t, os.WriteFile(filepath.Join(o.Source, LockName), []byte(line), 0o644))
		}, "cannot download Debian package keelway-absent 1.0"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			o := Options{Source: sources(t), Cache: filepath.Join(dir, "cache"), Output: filepath.Join(dir, "b.tar.zst")}
			row.spoil(t, &o)
			_, err := Run(context.Background(), o)
			if err == nil || !strings.Contains(err.Error(), row.error) {
				t.Errorf("error is %v, want one with %q", err, row.error)
			}
			if _, err := os.Stat(o.Output); err == nil {
				t.Error("a bundle was written all the same")
			}
		})
	}
}

func TestRunStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	dir := t.TempDir()
	o := Options{Source: sources(t), Cache: filepath.Join(dir, "cache"), Output: filepath.Join(dir, "b.tar.zst")}
	o.Progress = func(p Progress) {
		if p.Name == "pack" {
			cancel()
		}
	}
	if _, err := Run(ctx, o); err == nil {
		t.Error("a stopped build reports success")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.zst*")); len(left) > 0 {
		t.Errorf("a stopped build left %q", left)
	}
	o.Progress = nil
	_, err := Run(context.Background(), o)
	must(t, err)
}
