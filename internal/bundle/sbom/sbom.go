// Package sbom lists, as an SPDX 2.3 document, everything that a bundle's programs were made of.
package sbom

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"sort"
	"strings"
	"time"
)

// Component is an upstream program, or a family, and the files it became.
type Component struct {
	Name, Version string
	// License is an SPDX identifier; empty for unknown.
	License string
	// Location is where the source comes from; empty for unknown.
	Location string
	Files    []File
}

// File is a compiled program.
type File struct {
	Name, SHA256 string
	// Modules are what it was compiled from; none for a program that is not Go.
	Modules []Module
}

// Module is a Go module or a Debian package.
type Module struct {
	// Type is a package URL's: "golang" or "deb".
	Type, Name, Version string
	// Arch is a Debian architecture; SHA256 of the .deb file.
	Arch, SHA256 string
}

// Input is what the document is made of.
type Input struct {
	// Name is the bundle's, such as "keelway-bundle-v1.37.0-linux-amd64".
	Name string
	// Created is written into the document; builds of the same inputs must give the same.
	Created    time.Time
	Components []Component
	// Packages are Debian packages that images hold as they are.
	Packages []Module
}

// ReadModules reads what a Go program says about the modules in it.
func ReadModules(path string) ([]Module, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	modules := []Module{{Type: "golang", Name: "stdlib", Version: strings.TrimPrefix(info.GoVersion, "go")}}
	for _, d := range info.Deps {
		if d.Replace != nil && d.Replace.Version != "" {
			d = d.Replace
		}
		modules = append(modules, Module{Type: "golang", Name: d.Path, Version: d.Version})
	}
	return modules, nil
}

// New writes the document. The same input gives the same bytes.
func New(in Input) ([]byte, error) {
	d := document{
		SPDXVersion: "SPDX-2.3", DataLicense: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: in.Name,
		Namespace: "https://keelway.dev/spdx/" + url.PathEscape(in.Name),
		Info:      info{Created: in.Created.UTC().Format(time.RFC3339), Creators: []string{"Tool: keelway"}},
	}
	seen := map[string]bool{}
	for _, c := range in.Components {
		d.component(c, seen)
	}
	for _, p := range in.Packages {
		d.relate(d.ID, "DESCRIBES", d.module(p, seen))
	}
	sort.Slice(d.Packages, func(i, j int) bool { return d.Packages[i].ID < d.Packages[j].ID })
	text, err := json.MarshalIndent(d, "", " ")
	return append(text, '\n'), err
}

func (d *document) component(c Component, seen map[string]bool) {
	id := identifier("Component", c.Name, c.Version)
	d.Packages = append(d.Packages, spdxPackage{
		ID: id, Name: c.Name, Version: c.Version, Location: orUnknown(c.Location),
		License: orUnknown(c.License), Concluded: unknown, Copyright: unknown,
	})
	d.relate(d.ID, "DESCRIBES", id)
	for _, f := range c.Files {
		file := identifier("File", f.Name, "")
		d.Packages = append(d.Packages, spdxPackage{
			ID: file, Name: f.Name, Version: c.Version, Location: unknown, License: orUnknown(c.License), Concluded: unknown, Copyright: unknown,
			Checksums: []checksum{{"SHA256", f.SHA256}},
		})
		d.relate(id, "CONTAINS", file)
		for _, m := range f.Modules {
			d.relate(file, "DEPENDS_ON", d.module(m, seen))
		}
	}
}

// module adds a module once and returns its identifier.
func (d *document) module(m Module, seen map[string]bool) string {
	id := identifier(m.Type, m.Name, m.Version)
	if seen[id] {
		return id
	}
	seen[id] = true
	p := spdxPackage{
		ID: id, Name: m.Name, Version: m.Version, Location: unknown, License: unknown, Concluded: unknown, Copyright: unknown,
		References: []reference{{"PACKAGE-MANAGER", "purl", m.purl()}},
	}
	if m.SHA256 != "" {
		p.Checksums = []checksum{{"SHA256", m.SHA256}}
	}
	d.Packages = append(d.Packages, p)
	return id
}

func (m Module) purl() string {
	parts := strings.Split(m.Name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	name := strings.Join(parts, "/")
	if m.Type == "deb" {
		return fmt.Sprintf("pkg:deb/debian/%s@%s?arch=%s", name, url.PathEscape(m.Version), m.Arch)
	}
	return fmt.Sprintf("pkg:%s/%s@%s", m.Type, name, url.PathEscape(m.Version))
}

func (d *document) relate(from, kind, to string) {
	d.Relationships = append(d.Relationships, relationship{from, kind, to})
}

var notAllowed = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// identifier makes an SPDX identifier: letters, digits, dots and dashes only.
func identifier(kind, name, version string) string {
	return "SPDXRef-" + strings.Trim(notAllowed.ReplaceAllString(kind+"-"+name+"-"+version, "-"), "-")
}

const unknown = "NOASSERTION"

func orUnknown(s string) string {
	if s == "" {
		return unknown
	}
	return s
}
