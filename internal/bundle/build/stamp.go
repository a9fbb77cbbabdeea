package build

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sort"
	"strings"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/bundle/archive"
)

// stamp remembers what a bundle was built from.
type stamp struct {
	Inputs string `json:"inputs"`
	// Size of the archive in bytes; the archive must still have it.
	Size     int64           `json:"size"`
	Folder   string          `json:"folder,omitempty"`
	Manifest bundle.Manifest `json:"manifest"`
}

// inputs is a hash of everything that the bundle's bytes depend on.
func (b *builder) inputs(ctx context.Context) (string, error) {
	sum := sha256.New()
	lasting := b.recipe
	lasting.Programs = nil // each has a key of its own, in which its estimate does not count
	recipe, err := json.Marshal(lasting)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(sum, "%d %d %d %+v\n%s\n", recipeRevision, bundle.Format, archive.Window, b.release, recipe)
	for _, p := range b.recipe.Programs {
		key, err := b.compiler.key(ctx, p)
		if err != nil {
			return "", fmt.Errorf("program %s: %w", p.Name, err)
		}
		fmt.Fprintln(sum, p.Name, key)
	}
	for _, l := range b.lock {
		fmt.Fprintln(sum, l.sha256)
	}
	fmt.Fprintln(sum, writers())
	return fmt.Sprintf("%x", sum.Sum(nil)), nil
}

// writers are the versions of the libraries that write images and archives.
func writers() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	list := []string{info.GoVersion}
	for _, d := range info.Deps {
		if strings.HasPrefix(d.Path, "github.com/klauspost/compress") || strings.HasPrefix(d.Path, "github.com/google/go-containerregistry") {
			list = append(list, d.Path+"@"+d.Version)
		}
	}
	sort.Strings(list)
	return strings.Join(list, " ")
}

func stampPath(o Options) string {
	return filepath.Join(o.Cache, "stamps", filepath.Base(o.Output)+".json")
}

func writeStamp(o Options, m bundle.Manifest, inputs string) error {
	if o.Output == "" {
		return nil
	}
	info, err := os.Stat(o.Output)
	if err != nil {
		return err
	}
	text, err := json.Marshal(stamp{Inputs: inputs, Size: info.Size(), Folder: o.Folder, Manifest: m})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(stampPath(o)), 0o755); err != nil {
		return err
	}
	temp := stampPath(o) + ".new"
	if err := os.WriteFile(temp, text, 0o644); err != nil {
		return err
	}
	return os.Rename(temp, stampPath(o))
}

// upToDate tells whether Output and Folder are there and made from the inputs.
// Anything unreadable is a reason to build.
func (b *builder) upToDate(inputs string) bool {
	s, err := b.readStamp()
	if err != nil || s.Inputs != inputs {
		return false
	}
	info, err := os.Stat(b.options.Output)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	// A signature makes the archive longer, never shorter.
	if info.Size() < s.Size {
		return false
	}
	if b.options.Folder == "" {
		return true
	}
	text, err := os.ReadFile(filepath.Join(b.options.Folder, bundle.ManifestName))
	want, encodeErr := s.Manifest.Encode()
	return err == nil && encodeErr == nil && string(text) == string(want)
}

func (b *builder) readStamp() (stamp, error) {
	text, err := os.ReadFile(stampPath(b.options))
	if err != nil {
		return stamp{}, err
	}
	var s stamp
	return s, json.Unmarshal(text, &s)
}

func (b *builder) result(skipped bool) (Result, error) {
	s, err := b.readStamp()
	if err != nil {
		return Result{}, err
	}
	info, err := os.Stat(b.options.Output)
	if err != nil {
		return Result{}, err
	}
	return Result{Manifest: s.Manifest, Output: b.options.Output, Size: info.Size(), Skipped: skipped}, nil
}
