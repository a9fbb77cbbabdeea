package build

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path"
	"slices"
	"sort"
	"strings"

	"keelway.dev/keelway/internal/bundle/assemble"
)

// unpackDeb lists the files of a Debian package that are not dropped.
func unpackDeb(ctx context.Context, file string, drop []string) ([]assemble.Entry, error) {
	command := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", file)
	output, err := command.Output()
	if err != nil {
		return nil, explain(err, nil)
	}
	var entries []assemble.Entry
	for t := tar.NewReader(bytes.NewReader(output)); ; {
		header, err := t.Next()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(path.Clean(header.Name), "/")
		entry := assemble.Entry{Name: name, Mode: header.FileInfo().Mode()}
		switch header.Typeflag {
		case tar.TypeDir:
			continue // folders come back with the files in them
		case tar.TypeSymlink:
			entry.Link = header.Linkname
		case tar.TypeReg:
			if entry.Content, err = io.ReadAll(t); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("%s: entries of type %q are not supported", name, header.Typeflag)
		}
		if entry.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
			return nil, fmt.Errorf("%s: has mode %v: no image needs a setuid program", name, entry.Mode)
		}
		if !dropped(name, drop) {
			entries = append(entries, entry)
		}
	}
}

// dropped tells whether a pattern of the recipe matches the name.
func dropped(name string, patterns []string) bool {
	for _, pattern := range patterns {
		candidate := name
		if prefix, all := strings.CutSuffix(pattern, "/**"); all {
			depth := strings.Count(prefix, "/") + 1
			parts := strings.Split(name, "/")
			if len(parts) <= depth {
				continue
			}
			pattern, candidate = prefix, strings.Join(parts[:depth], "/")
		}
		if ok, err := path.Match(pattern, candidate); err == nil && ok {
			return true
		}
	}
	return false
}

// links makes the recipe's symbolic links to files that are there.
func (d Debian) links(files []assemble.Entry) []assemble.Entry {
	var entries []assemble.Entry
	for name, target := range d.Links {
		if !slices.ContainsFunc(files, func(f assemble.Entry) bool { return f.Name == path.Join(path.Dir(name), target) }) {
			continue
		}
		entries = append(entries, assemble.Entry{Name: name, Mode: fs.ModeSymlink | 0o777, Link: target})
	}
	return entries
}

// certificates joins the public CA certificates of a package in one file, as
// update-ca-certificates does.
func certificates(ctx context.Context, file string) (assemble.Entry, error) {
	entries, err := unpackDeb(ctx, file, nil)
	if err != nil {
		return assemble.Entry{}, err
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Name < entries[j].Name })
	var all bytes.Buffer
	for _, e := range entries {
		if strings.HasPrefix(e.Name, "usr/share/ca-certificates/") && strings.HasSuffix(e.Name, ".crt") {
			all.Write(bytes.TrimSpace(e.Content))
			all.WriteByte('\n')
		}
	}
	if all.Len() == 0 {
		return assemble.Entry{}, fmt.Errorf("%s: has no certificate below usr/share/ca-certificates", file)
	}
	return assemble.Entry{Name: "etc/ssl/certs/ca-certificates.crt", Mode: 0o644, Content: all.Bytes()}, nil
}
