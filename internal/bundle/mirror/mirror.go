// Package mirror fills a bundle with upstream's own release files and images.
package mirror

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"keelway.dev/keelway/internal/bundle/assemble"
	"keelway.dev/keelway/internal/bundle/build"
	"keelway.dev/keelway/internal/bundle/sbom"
	"keelway.dev/keelway/internal/release"
)

// Upstream in place of a mirror's URL means the files' own hosts.
const Upstream = "upstream"

// Options say what to fetch, and from where.
type Options struct {
	build.Options
	// URL is the mirror's, which has upstream's files at <URL>/<host>/<path>.
	URL string
	// Registry is a host, with a port and a path if need be, that has every
	// image under its repository's name, such as <Registry>/kube-apiserver.
	// Empty means each image's own registry.
	Registry string
	// Transport is used for every request; nil for the default.
	Transport http.RoundTripper
}

func (o Options) transport() http.RoundTripper {
	if o.Transport != nil {
		return o.Transport
	}
	return http.DefaultTransport
}

// run is one filling of a bundle.
type run struct {
	options  Options
	release  release.Release
	recipe   build.Recipe
	stages   *build.Stages
	work     string            // temporary folder
	programs map[string]string // files by name
}

// Run fetches the files and images of a release, checks them against upstream's
// checksums and writes them as a bundle. What was downloaded before is taken
// from the cache.
func Run(ctx context.Context, o Options) (build.Result, error) {
	r, err := release.For(o.Kubernetes)
	if err != nil {
		return build.Result{}, err
	}
	recipe, err := build.ReadRecipe(o.Source)
	if err != nil {
		return build.Result{}, err
	}
	if err := os.MkdirAll(o.Cache, 0o755); err != nil {
		return build.Result{}, err
	}
	work, err := os.MkdirTemp(o.Cache, ".mirror-*")
	if err != nil {
		return build.Result{}, err
	}
	defer os.RemoveAll(work)
	stages := build.NewStages(o.Progress, o.Cache, []build.Stage{
		{Name: "download", Seconds: 60}, {Name: "images", Seconds: 60}, {Name: "pack", Seconds: 60},
	})
	m := &run{options: o, release: r, recipe: recipe, stages: stages, work: work, programs: map[string]string{}}
	return m.do(ctx)
}

func (m *run) do(ctx context.Context) (build.Result, error) {
	if err := m.download(ctx); err != nil {
		return build.Result{}, fmt.Errorf("cannot fill the bundle: %w", err)
	}
	layers := filepath.Join(m.work, "layers")
	folder := filepath.Join(m.work, "bundle")
	for _, dir := range []string{layers, folder} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return build.Result{}, err
		}
	}
	content, err := m.content(ctx, layers)
	if err != nil {
		return build.Result{}, fmt.Errorf("cannot fill the bundle: %w", err)
	}
	manifest, err := assemble.Folder(ctx, folder, content)
	if err != nil {
		return build.Result{}, err
	}
	return build.Pack(ctx, m.options.Options, m.stages, folder, manifest)
}

// download gets the host's programs.
func (m *run) download(ctx context.Context) error {
	client := &http.Client{Transport: m.options.transport()}
	sources := Sources(m.release)
	m.stages.Start("download", "download upstream's programs")
	for i, s := range sources {
		m.stages.Step(s.Path, float64(i)/float64(len(sources)))
		programs, err := fetch(ctx, client, m.options.URL, s, m.options.Cache, m.work)
		if err != nil {
			return err
		}
		for name, path := range programs {
			m.programs[name] = path
		}
	}
	m.stages.Finish()
	for _, name := range m.recipe.Binaries {
		if m.programs[name] == "" {
			return fmt.Errorf("program %s: the recipe wants it for hosts, and no upstream file is known to hold it", name)
		}
	}
	return nil
}

// content pulls the images and lists everything.
func (m *run) content(ctx context.Context, layers string) (assemble.Content, error) {
	content := assemble.Content{Manifest: build.Manifest(m.release)}
	for _, name := range m.recipe.Binaries {
		content.Programs = append(content.Programs, assemble.Program{Name: name, Path: m.programs[name]})
	}
	m.stages.Start("images", "pull upstream's images")
	for i, image := range m.recipe.Images {
		reference := m.release.Image(image.Name)
		if strings.HasPrefix(reference, release.Own) {
			continue // nobody publishes it
		}
		m.stages.Step(reference, float64(i)/float64(len(m.recipe.Images)))
		pulled, err := pull(ctx, m.options, reference, layers)
		if err != nil {
			return assemble.Content{}, err
		}
		own, err := m.ownLayers(ctx, image, layers)
		if err != nil {
			return assemble.Content{}, err
		}
		if len(own) > 0 {
			if pulled, err = assemble.AppendLayers(pulled, layers, own); err != nil {
				return assemble.Content{}, err
			}
		}
		content.Images = append(content.Images, assemble.Image{Reference: reference, Image: pulled})
	}
	m.stages.Finish()
	var err error
	content.SBOM, err = m.sbom()
	return content, err
}

// ownLayers writes what upstream's image lacks: programs of this repository in
// one of the image's layers, with the host's programs that stand beside them.
// It returns nothing for an image that is upstream's whole.
func (m *run) ownLayers(ctx context.Context, image build.Image, dir string) ([]assemble.Layer, error) {
	for _, layer := range m.recipe.Layers {
		if !slices.Contains(image.Layers, layer.Name) {
			continue
		}
		var entries []assemble.Entry
		own := false
		for path, name := range layer.Files {
			program := m.programs[name]
			if p, _ := m.recipe.Program(name); p.Component == "" {
				compiled, err := build.CompileOwn(ctx, m.options.Options, m.stages, p)
				if err != nil {
					return nil, err
				}
				program, own = compiled, true
			}
			if program != "" {
				entries = append(entries, assemble.Entry{Name: path, Mode: 0o755, Path: program})
			}
		}
		if own {
			written, err := assemble.WriteLayer(dir, entries)
			if err == nil {
				written, err = assemble.Compress(dir, written)
			}
			return []assemble.Layer{written}, err
		}
	}
	return nil, nil
}

// sbom lists the modules that upstream's programs name themselves.
func (m *run) sbom() ([]byte, error) {
	in := sbom.Input{Name: build.Name(m.release) + "-upstream", Created: time.Unix(0, 0)}
	for _, c := range m.release.Components() {
		component := sbom.Component{Name: c.Name, Version: c.Version, License: c.License, Location: c.Module}
		for _, s := range Sources(m.release) {
			if s.Component != c.Name {
				continue
			}
			component.Location = "https://" + s.Host + s.Path
			for _, name := range m.recipe.Binaries {
				if _, ok := s.Members[name]; !ok {
					continue
				}
				digest, _, err := assemble.HashFile(m.programs[name])
				if err != nil {
					return nil, err
				}
				// A program without build information is listed all the same.
				modules, _ := sbom.ReadModules(m.programs[name])
				component.Files = append(component.Files, sbom.File{Name: name, SHA256: digest, Modules: modules})
			}
		}
		in.Components = append(in.Components, component)
	}
	return sbom.New(in)
}
