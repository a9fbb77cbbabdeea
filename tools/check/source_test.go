package check

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestFormat(t *testing.T) {
	argv := append([]string{"gofmt", "-l"}, files(t, "*.go")...)
	out, err := run(t, ".", nil, argv...)
	if err != nil || out != "" {
		t.Errorf("these files are not as gofmt writes them (gofmt -w FILE): %v\n%s", err, out)
	}
}

func TestTidy(t *testing.T) {
	for _, module := range modules(t) {
		t.Run(module, func(t *testing.T) {
			t.Parallel()
			if out, err := run(t, module, []string{"GOFLAGS="}, "go", "mod", "tidy", "-diff"); err != nil {
				t.Errorf("go mod tidy would change %s: %v\n%s", module, err, out)
			}
		})
	}
}

// TestVet vets the modules with programs of their own. Vet looks at every
// package that a module imports, so those that import whole components have
// their turn in the long run only: it takes a quarter of an hour to say that a
// main function of 50 lines, which the bundle compiles, is fine.
func TestVet(t *testing.T) {
	heavy := regexp.MustCompile(`^(compat(/.*)?|components/(containerd|coredns|etcd|kubernetes/v[^/]*)(/.*)?)$`)
	for _, module := range modules(t) {
		if !owns(t, module) || heavy.MatchString(module) && os.Getenv("KEELWAY_LONG") == "" {
			continue
		}
		t.Run(module, func(t *testing.T) {
			if out, err := run(t, module, []string{"GOFLAGS=-trimpath", "CGO_ENABLED=0"}, "go", "vet", "./..."); err != nil {
				t.Errorf("go vet finds in %s: %v\n%s", module, err, out)
			}
		})
	}
}

// TestBuildAlone builds the root module with no other module beside it.
func TestBuildAlone(t *testing.T) {
	if out, err := run(t, ".", []string{"GOFLAGS=-trimpath -mod=readonly", "CGO_ENABLED=0"}, "go", "build", "./..."); err != nil {
		t.Errorf("the root module does not build alone: %v\n%s", err, out)
	}
	out, err := run(t, ".", []string{"GOFLAGS=-mod=readonly"}, "go", "list", "-m", "-f", "{{with .Replace}}{{.Path}}{{end}}", "all")
	if err != nil || strings.TrimSpace(out) != "" {
		t.Errorf("the root module replaces modules, and could not be installed with go install: %v\n%s", err, out)
	}
}

// TestLint runs golangci-lint, at the version in tools/go.mod, over the modules
// that are written by hand.
func TestLint(t *testing.T) {
	linter := filepath.Join(t.TempDir(), "golangci-lint")
	out, err := run(t, "tools", []string{"GOFLAGS="}, "go", "build", "-o", linter, "github.com/golangci/golangci-lint/v2/cmd/golangci-lint")
	if err != nil {
		t.Fatalf("golangci-lint does not build: %v\n%s", err, out)
	}
	config, err := filepath.Abs(filepath.Join(root, ".golangci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range []string{".", "tools", "components/install-cni", "components/multicall", "components/kubernetes/generate"} {
		t.Run(module, func(t *testing.T) {
			env := []string{"GOFLAGS=-trimpath", "CGO_ENABLED=0"}
			if out, err := run(t, module, env, linter, "run", "--config", config, "./..."); err != nil {
				t.Errorf("golangci-lint finds in %s: %v\n%s", module, err, out)
			}
		})
	}
}

// owns tells whether a module has Go files of its own.
func owns(t *testing.T, module string) bool {
	t.Helper()
	others := modules(t)
	return slices.ContainsFunc(files(t, "*.go"), func(file string) bool {
		return nearest(file, others) == module
	})
}

// nearest returns the module that a file belongs to.
func nearest(file string, modules []string) string {
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
		if slices.Contains(modules, dir) || dir == "." {
			return dir
		}
	}
}
