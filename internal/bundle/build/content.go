package build

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/bundle/assemble"
	"keelway.dev/keelway/internal/bundle/sbom"
	"keelway.dev/keelway/internal/release"
)

// layers writes the recipe's layers below dir and returns them by name. One whose
// tar is a file for hosts stays plain: it is in the bundle once.
func (b *builder) layers(ctx context.Context, dir string) (map[string]assemble.Layer, error) {
	layers := map[string]assemble.Layer{}
	for _, l := range b.recipe.Layers {
		entries, err := b.entries(ctx, l)
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", l.Name, err)
		}
		layer, err := assemble.WriteLayer(dir, entries)
		if err == nil && l.Tar == "" {
			layer, err = assemble.Compress(dir, layer)
		}
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", l.Name, err)
		}
		layers[l.Name] = layer
	}
	return layers, nil
}

func (b *builder) entries(ctx context.Context, l Layer) ([]assemble.Entry, error) {
	entries := l.programEntries(b.recipe, b.programs)
	if l.Accounts {
		entries = append(entries, accounts()...)
	}
	if l.Certificates != "" {
		entry, err := certificates(ctx, b.debs[l.Certificates])
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry)
	}
	if len(l.Debian) == 0 {
		return entries, nil
	}
	packages, err := b.packages(ctx, l)
	if err != nil {
		return nil, err
	}
	for _, p := range packages {
		files, err := unpackDeb(ctx, b.debs[p.name], b.recipe.Debian.Drop)
		if err != nil {
			return nil, fmt.Errorf("debian package %s: %w", p.name, err)
		}
		entries = append(entries, files...)
	}
	return append(entries, b.recipe.Debian.links(entries)...), nil
}

// images makes the recipe's images of layers below dir.
func (b *builder) images(dir string, layers map[string]assemble.Layer) ([]assemble.Image, error) {
	var images []assemble.Image
	for _, i := range b.recipe.Images {
		var own []assemble.Layer
		for _, name := range i.Layers {
			own = append(own, layers[name])
		}
		image, err := assemble.NewImage(dir, own, assemble.Spec{
			OS: "linux", Arch: runtime.GOARCH, Entrypoint: i.Entrypoint, User: i.User,
			Title: i.Name, Version: b.release.Tag(i.Name),
		})
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", i.Name, err)
		}
		images = append(images, assemble.Image{Reference: b.release.Image(i.Name), Image: image})
	}
	return images, nil
}

// hostPrograms lists the programs for the host, and finds those that a layer
// holds already.
func (b *builder) hostPrograms(dir string, layers map[string]assemble.Layer) []assemble.Program {
	var programs []assemble.Program
	for _, l := range b.recipe.Layers {
		if l.Tar != "" {
			programs = append(programs, assemble.Program{Name: l.Tar, Path: filepath.Join(dir, layers[l.Name].Digest), Layer: layers[l.Name].Digest})
		}
	}
	for _, name := range b.recipe.Binaries {
		provider, _ := b.recipe.provider(name)
		program := assemble.Program{Name: name, Path: b.programs[provider.Name]}
		for _, l := range b.recipe.Layers {
			for path, file := range l.Files {
				if file == provider.Name {
					program.Layer, program.In = layers[l.Name].Digest, path
				}
			}
		}
		programs = append(programs, program)
	}
	return programs
}

// sbom lists what the programs were compiled from and the Debian packages.
func (b *builder) sbom(ctx context.Context) ([]byte, error) {
	in := sbom.Input{Name: b.name()}
	for _, c := range b.release.Components() {
		component := sbom.Component{Name: c.Name, Version: c.Version, License: c.License, Location: c.Module}
		for _, p := range b.recipe.Programs {
			if p.Component != c.Name {
				continue
			}
			file, err := b.file(p)
			if err != nil {
				return nil, err
			}
			component.Files = append(component.Files, file)
			if c.Name == "kubernetes" {
				// The newest thing that the clock may say without changing the bytes.
				folder := filepath.Join(b.options.Source, fill(p.Folder, c, time.Time{}))
				if in.Created, err = releasedAt(ctx, folder, c); err != nil {
					return nil, err
				}
			}
		}
		in.Components = append(in.Components, component)
	}
	own := sbom.Component{Name: "keelway", License: "Apache-2.0"}
	for _, p := range b.recipe.Programs {
		if p.Component == "" {
			file, err := b.file(p)
			if err != nil {
				return nil, err
			}
			own.Files = append(own.Files, file)
		}
	}
	in.Components = append(in.Components, own)
	for _, l := range b.lock {
		in.Packages = append(in.Packages, sbom.Module{Type: "deb", Name: l.name, Version: l.version, Arch: l.arch, SHA256: l.sha256})
	}
	return sbom.New(in)
}

func (b *builder) file(p Program) (sbom.File, error) {
	path := b.programs[p.Name]
	digest, _, err := assemble.HashFile(path)
	if err != nil {
		return sbom.File{}, err
	}
	file := sbom.File{Name: p.Name, SHA256: digest}
	if p.Source == "" {
		file.Modules, err = sbom.ReadModules(path)
	}
	return file, err
}

func (b *builder) name() string {
	return Name(b.release)
}

// Name is what a release's bundle for this machine's architecture is called,
// such as "keelway-bundle-v1.37.0-linux-amd64".
func Name(r release.Release) string {
	return fmt.Sprintf("keelway-bundle-%s-linux-%s", r.Kubernetes, runtime.GOARCH)
}

// Manifest begins the manifest of a release's bundle for this machine's
// architecture: everything but what is in it.
func Manifest(r release.Release) bundle.Manifest {
	m := bundle.Manifest{Kubernetes: r.Kubernetes, OS: "linux", Arch: runtime.GOARCH}
	for _, c := range r.Components() {
		m.Components = append(m.Components, bundle.Component{Name: c.Name, Version: c.Version, Module: c.Module, License: c.License})
	}
	return m
}
