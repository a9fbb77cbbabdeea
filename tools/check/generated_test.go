package check

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestGeneratedModules writes the modules of all Kubernetes minors anew and
// compares them with those that are committed.
func TestGeneratedModules(t *testing.T) {
	fresh := filepath.Join(t.TempDir(), "components")
	for _, folder := range []string{"components/multicall", "components/kubernetes/generate"} {
		target := filepath.Join(fresh, "..", folder)
		if err := os.CopyFS(target, os.DirFS(filepath.Join(root, folder))); err != nil {
			t.Fatal(err)
		}
	}
	minors, err := filepath.Glob(filepath.Join(root, "components/kubernetes/v*"))
	if err != nil || len(minors) == 0 {
		t.Fatalf("no module of a Kubernetes minor: %v", err)
	}
	version := regexp.MustCompile(`(?m)^\s+k8s\.io/kubernetes (v\S+)$`)
	for _, minor := range minors {
		name := filepath.Base(minor)
		t.Run(name, func(t *testing.T) {
			committed := filepath.Join("components/kubernetes", name)
			m := version.FindStringSubmatch(read(t, filepath.Join(committed, "go.mod")))
			if m == nil {
				t.Fatalf("%s/go.mod asks for no version of k8s.io/kubernetes", committed)
			}
			generate := filepath.Join(fresh, "kubernetes/generate")
			if out, err := run(t, ".", []string{"GOFLAGS="}, "go", "run", "-C", generate, ".", m[1]); err != nil {
				t.Fatalf("generate %s: %v\n%s", m[1], err, out)
			}
			if out, err := run(t, ".", nil, "diff", "-r", "-u", committed, filepath.Join(fresh, "kubernetes", name)); err != nil {
				t.Errorf("%s is not what components/kubernetes/generate writes: %v\n%s", committed, err, out)
			}
		})
	}
}

// TestReference holds docs/reference to what the commands say of themselves.
func TestReference(t *testing.T) {
	fresh := t.TempDir()
	if out, err := run(t, ".", []string{"GOFLAGS=-trimpath", "CGO_ENABLED=0"}, "go", "run", ".", "docs", "--dir", fresh); err != nil {
		t.Fatalf("keelway docs: %v\n%s", err, out)
	}
	if out, err := run(t, ".", nil, "diff", "-r", "-u", "docs/reference", fresh); err != nil {
		t.Errorf("docs/reference is not what the commands say (make docs): %v\n%s", err, out)
	}
}
