// Package check holds the repository to its own rules: format, modules, vet, lint, generated files, documents.
package check

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the repository, seen from this package.
const root = "../.."

// files lists all files of the repository whose name matches one of the
// patterns, as paths below root. Build output and hidden folders are left out.
func files(t *testing.T, patterns ...string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		if entry.IsDir() {
			hidden := strings.HasPrefix(entry.Name(), ".") && path != root
			if hidden || name == "bin" || name == "dist" {
				return filepath.SkipDir
			}
			return nil
		}
		if slices.ContainsFunc(patterns, func(p string) bool { ok, _ := filepath.Match(p, entry.Name()); return ok }) {
			found = append(found, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("found %d files named %v below %s: %v", len(found), patterns, root, err)
	}
	return found
}

// modules lists the folders with a go.mod, below root; "." is the root module.
func modules(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, file := range files(t, "go.mod") {
		list = append(list, filepath.Dir(file))
	}
	return list
}

// run runs a program in a folder below root and returns what it prints, with
// env added to the environment.
func run(t *testing.T, dir string, env []string, argv ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	command.Dir = filepath.Join(root, dir)
	command.Env = append(append(os.Environ(), "GOWORK=off"), env...)
	out, err := command.CombinedOutput()
	return string(out), err
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
