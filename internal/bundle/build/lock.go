package build

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/bundle/assemble"
)

// LockName is the file with the Debian packages, in the components' folder.
const LockName = "debian.lock"

const lockHead = `# The Debian 12 packages in images and what they need: name, version,
# architecture, sha256 of the .deb file.
# Made by "keelway bundle lock" from what apt offers; run apt-get update first.
`

// locked is one package of the lock.
type locked struct {
	name, version, arch, sha256 string
}

func readLock(folder string) ([]locked, error) {
	path := filepath.Join(folder, LockName)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var list []locked
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 4 || len(f[3]) != hex.EncodedLen(sha256.Size) {
			return nil, fmt.Errorf("%s: %q: want name, version, architecture and sha256", path, line)
		}
		list = append(list, locked{f[0], f[1], f[2], f[3]})
	}
	return list, nil
}

// fetch returns the path of the package's file, from the cache or from apt.
func (l locked) fetch(ctx context.Context, cache string) (string, error) {
	if l.arch != "all" && l.arch != runtime.GOARCH {
		return "", fmt.Errorf("debian package %s is locked for %s, this machine is %s: run keelway bundle lock here", l.name, l.arch, runtime.GOARCH)
	}
	path := filepath.Join(cache, "debian", l.sha256+".deb")
	if digest, _, err := assemble.HashFile(path); err == nil && digest == l.sha256 {
		return path, nil
	}
	temp, digest, err := download(ctx, filepath.Join(cache, "debian"), l.name+"="+l.version)
	if err != nil {
		return "", fmt.Errorf("cannot download Debian package %s %s: %w: run apt-get update; if Debian has a newer one now, run keelway bundle lock", l.name, l.version, err)
	}
	defer os.RemoveAll(filepath.Dir(temp))
	if digest != l.sha256 {
		return "", fmt.Errorf("debian package %s %s has sha256 %s, %s says %s: do not use it", l.name, l.version, digest, LockName, l.sha256)
	}
	return path, os.Rename(temp, path)
}

// download lets apt fetch one package into a new folder below dir.
func download(ctx context.Context, dir, what string) (path, digest string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", "", err
	}
	temp, err := os.MkdirTemp(dir, ".download-*")
	if err != nil {
		return "", "", err
	}
	command := exec.CommandContext(ctx, "apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", what)
	command.Dir = temp
	if output, err := command.CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("%w: %s", err, bytes.TrimSpace(output))
	}
	files, err := filepath.Glob(filepath.Join(temp, "*.deb"))
	if err != nil || len(files) != 1 {
		return "", "", fmt.Errorf("apt-get download %s left %d files, want 1", what, len(files))
	}
	digest, _, err = assemble.HashFile(files[0])
	return files[0], digest, err
}

// Lock writes the lock anew: the recipe's packages and all that they depend on,
// at the versions that apt offers now. It returns how many packages it holds.
func Lock(ctx context.Context, source, cache string) (int, error) {
	recipe, err := ReadRecipe(source)
	if err != nil {
		return 0, err
	}
	names, err := closure(ctx, recipe)
	if err != nil {
		return 0, err
	}
	var text strings.Builder
	text.WriteString(lockHead)
	for _, name := range names {
		file, digest, err := download(ctx, filepath.Join(cache, "debian"), name)
		if err != nil {
			return 0, err
		}
		output, err := exec.CommandContext(ctx, "dpkg-deb", "--show", "--showformat=${Package} ${Version} ${Architecture}", file).Output()
		if err != nil {
			return 0, explain(err, nil)
		}
		fmt.Fprintf(&text, "%s %s\n", output, digest)
		if err := os.RemoveAll(filepath.Dir(file)); err != nil {
			return 0, err
		}
	}
	path := filepath.Join(source, LockName)
	temp := path + ".new"
	if err := os.WriteFile(temp, []byte(text.String()), 0o644); err != nil {
		return 0, err
	}
	return len(names), os.Rename(temp, path)
}

// closure lists the recipe's packages and what they depend on. Packages for the
// certificates only are not followed: their scripts are not run.
func closure(ctx context.Context, recipe Recipe) ([]string, error) {
	all := map[string]bool{}
	var next []string
	for _, l := range recipe.Layers {
		next = append(next, l.Debian...)
		if l.Certificates != "" {
			all[l.Certificates] = true
		}
	}
	for len(next) > 0 {
		name := next[0]
		next = next[1:]
		if all[name] || slices.Contains(recipe.Debian.Without, name) {
			continue
		}
		all[name] = true
		output, err := exec.CommandContext(ctx, "apt-cache", "show", "--no-all-versions", name+":"+runtime.GOARCH).Output()
		if err != nil {
			return nil, explain(err, nil)
		}
		next = append(next, dependencies(string(output))...)
	}
	return slices.Sorted(maps.Keys(all)), nil
}

// dependencies are the names in the Depends and Pre-Depends of a package's
// description; of alternatives, the first.
func dependencies(control string) []string {
	var names []string
	for line := range strings.Lines(control) {
		field, list, _ := strings.Cut(line, ":")
		if field != "Depends" && field != "Pre-Depends" {
			continue
		}
		for one := range strings.SplitSeq(list, ",") {
			name, _, _ := strings.Cut(strings.TrimSpace(one), " ")
			name, _, _ = strings.Cut(name, ":")
			if name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// packages are the locked packages that a layer holds: those it names, and all
// that they need.
func (b *builder) packages(ctx context.Context, l Layer) ([]locked, error) {
	needed := map[string]bool{}
	next := slices.Clone(l.Debian)
	for len(next) > 0 {
		name := next[0]
		next = next[1:]
		if needed[name] || slices.Contains(b.recipe.Debian.Without, name) {
			continue
		}
		if b.debs[name] == "" {
			return nil, fmt.Errorf("debian package %s is not in %s: run keelway bundle lock", name, LockName)
		}
		needed[name] = true
		output, err := exec.CommandContext(ctx, "dpkg-deb", "--field", b.debs[name], "Depends", "Pre-Depends").Output()
		if err != nil {
			return nil, explain(err, nil)
		}
		next = append(next, dependencies(string(output))...)
	}
	return slices.DeleteFunc(slices.Clone(b.lock), func(p locked) bool { return !needed[p.name] }), nil
}
