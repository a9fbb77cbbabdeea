package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"time"
)

// recipeRevision changes when this package compiles or assembles differently
// from the same inputs.
const recipeRevision = 1

// key is a hash of everything that a program's bytes depend on: its recipe and
// version, the sources and locks of its module, the compilers and the libraries
// it is linked against.
func (c compiler) key(ctx context.Context, p Program) (string, error) {
	component, _ := c.component(p.Component)
	sum := sha256.New()
	without := p
	without.Seconds = 0
	recipe, err := json.Marshal(without)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(sum, "%d %s %s %s %s\n", recipeRevision, c.toolchain, runtime.GOARCH, component.Version, recipe)
	folder := filepath.Join(c.source, fill(p.Folder, component, time.Time{}))
	ours, err := replacements(folder)
	if err != nil {
		return "", err
	}
	for _, f := range append([]string{folder}, ours...) {
		if err := hashSources(sum, f); err != nil {
			return "", err
		}
	}
	if len(p.CGO) > 0 {
		versions, err := installed(ctx, append([]string{"gcc"}, p.CGO...))
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, versions)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))[:32], nil
}

// replacements are the folders that a module's go.mod puts in the place of other
// modules: modules of ours, which several share. A program in C has no go.mod.
func replacements(folder string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var folders []string
	for line := range strings.Lines(string(text)) {
		if _, by, _ := strings.Cut(strings.TrimSpace(line), "=> "); strings.HasPrefix(by, ".") {
			folders = append(folders, filepath.Join(folder, by))
		}
	}
	return folders, nil
}

// hashSources adds the names and contents of a folder's own files.
func hashSources(sum hash.Hash, folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %x\n", e.Name(), sha256.Sum256(text))
	}
	return nil
}

// installed tells the versions of Debian packages on this machine. The error
// says how to install them.
func installed(ctx context.Context, packages []string) (string, error) {
	sort.Strings(packages)
	arguments := append([]string{"-W", "-f=${Package} ${Version} ${db:Status-Status}\n"}, packages...)
	output, err := exec.CommandContext(ctx, "dpkg-query", arguments...).CombinedOutput()
	if err != nil || bytes.Count(output, []byte(" installed\n")) < len(packages) {
		return "", fmt.Errorf("needs the Debian packages %s: apt-get install %s (dpkg-query says: %s)",
			strings.Join(packages, ", "), strings.Join(packages, " "), strings.TrimSpace(string(output)))
	}
	return string(output), nil
}

func goVersion(ctx context.Context) (string, error) {
	command := exec.CommandContext(ctx, "go", "env", "GOVERSION")
	command.Env = append(os.Environ(), "GOTOOLCHAIN=local")
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("cannot run go: %w: install Go 1.26 or newer", err)
	}
	return strings.TrimSpace(string(output)), nil
}
