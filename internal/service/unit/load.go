package unit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	sd "github.com/coreos/go-systemd/v22/unit"
)

const suffix = ".service"

// ErrMasked is returned for a unit that an administrator has forbidden: its
// file is empty or a link to /dev/null.
var ErrMasked = errors.New("the unit is masked")

// Load reads the unit called name (without ".service") from the first of dirs
// that has it, and its drop-ins from all of them: of two drop-ins with the same
// file name the one in the earlier folder counts, and they apply in the order
// of their file names, as systemd does it. A unit that is nowhere gives an
// error that matches fs.ErrNotExist.
func Load(dirs []string, name string) (Unit, error) {
	if err := CheckName(name); err != nil {
		return Unit{}, err
	}
	main, err := find(dirs, name)
	if err != nil {
		return Unit{}, err
	}
	files, err := dropIns(dirs, name)
	if err != nil {
		return Unit{}, err
	}
	p := newParser(name)
	for i, file := range append([]string{main}, files...) {
		data, err := os.ReadFile(file)
		if err != nil {
			return Unit{}, fmt.Errorf("read unit %s: %w", name, err)
		}
		if len(bytes.TrimSpace(data)) == 0 {
			if i == 0 {
				return Unit{}, fmt.Errorf("unit %s (%s): %w; remove the mask first", name, main, ErrMasked)
			}
			continue
		}
		if err := p.file(file, data); err != nil {
			return Unit{}, fmt.Errorf("read unit %s: %s: %w", name, file, err)
		}
	}
	return p.finish()
}

// CheckName returns an error for what cannot be the name of a service.
func CheckName(name string) error {
	ok := name != "" && len(name) < 200 && !strings.HasPrefix(name, ".")
	for _, c := range name {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(":-_.@", c))
	}
	if !ok || strings.HasSuffix(name, suffix) {
		return fmt.Errorf("%q is no service name: use letters, digits and :-_.@, without %s", name, suffix)
	}
	return nil
}

func find(dirs []string, name string) (string, error) {
	for _, dir := range dirs {
		path := filepath.Join(dir, name+suffix)
		info, err := os.Stat(path)
		switch {
		case err == nil && info.IsDir():
			return "", fmt.Errorf("find unit %s: %s is a directory", name, path)
		case err == nil:
			return path, nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("find unit %s: %w", name, err)
		}
	}
	return "", fmt.Errorf("find unit %s: no %s in %s: %w", name, name+suffix, strings.Join(dirs, ", "), fs.ErrNotExist)
}

func dropIns(dirs []string, name string) ([]string, error) {
	byName := map[string]string{}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(escapeGlob(dir), name+suffix+".d", "*.conf"))
		if err != nil {
			return nil, fmt.Errorf("find the drop-ins of unit %s: %w", name, err)
		}
		for _, f := range files {
			if base := filepath.Base(f); byName[base] == "" && base[0] != '.' {
				byName[base] = f
			}
		}
	}
	var names []string
	for n := range byName {
		names = append(names, n)
	}
	slices.Sort(names)
	for i, n := range names {
		names[i] = byName[n]
	}
	return names, nil
}

func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

// options turns a file's text into its directives, continuation lines joined.
func options(data []byte) ([]*sd.UnitOption, error) {
	opts, err := sd.DeserializeOptions(bytes.NewReader(fold(data)))
	if err != nil {
		return nil, err
	}
	for _, o := range opts {
		o.Value = unfold(o.Value)
	}
	return opts, nil
}

// fold makes of a unit file what the parser takes as systemd takes the file:
// comments between continuation lines go, and lines longer than old systemd's
// 2048 bytes (today's takes a megabyte) are broken at a space into continuation
// lines.
func fold(data []byte) []byte {
	const most = 1024
	var out bytes.Buffer
	continued := false
	for line := range bytes.Lines(data) {
		text := bytes.TrimSpace(line)
		if continued && len(text) > 0 && (text[0] == '#' || text[0] == ';') {
			continue
		}
		continued = bytes.HasSuffix(text, []byte{'\\'})
		for len(line) > most {
			at := bytes.LastIndexByte(line[:most], ' ')
			if at <= 0 || line[at-1] == '\\' {
				break
			}
			out.Write(line[:at])
			out.WriteString("\\\n")
			line = line[at+1:]
		}
		out.Write(line)
	}
	return out.Bytes()
}

// unfold joins continuation lines by a space.
func unfold(value string) string { return strings.ReplaceAll(value, "\\\n", " ") }
