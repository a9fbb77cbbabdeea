package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/bundle/assemble"
	"keelway.dev/keelway/internal/release"
)

// builder is one run.
type builder struct {
	options  Options
	release  release.Release
	recipe   Recipe
	lock     []locked
	compiler compiler
	progress *Stages
	programs map[string]string // compiled files by name
	debs     map[string]string // package files by name
}

// Run builds a bundle, or finds that the one at Output is made from the same
// inputs. The error says which component failed and how.
func Run(ctx context.Context, o Options) (Result, error) {
	o, err := o.absolute()
	if err != nil {
		return Result{}, err
	}
	b, err := newBuilder(ctx, o)
	if err != nil {
		return Result{}, err
	}
	inputs, err := b.inputs(ctx)
	if err != nil {
		return Result{}, err
	}
	if !o.Force && b.upToDate(inputs) {
		return b.result(true)
	}
	if err := b.compile(ctx); err != nil {
		return Result{}, err
	}
	if err := b.fetch(ctx); err != nil {
		return Result{}, err
	}
	folder, err := os.MkdirTemp(o.Cache, ".bundle-*")
	if err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(folder)
	if err := os.Chmod(folder, 0o755); err != nil {
		return Result{}, err
	}
	b.progress.Start("assemble", "make images, checksums and the list of sources")
	manifest, err := b.assemble(ctx, folder)
	if err != nil {
		return Result{}, err
	}
	b.progress.Finish()
	result, err := Pack(ctx, o, b.progress, folder, manifest)
	if err != nil {
		return Result{}, err
	}
	return result, writeStamp(o, manifest, inputs)
}

func newBuilder(ctx context.Context, o Options) (*builder, error) {
	wanted := o.Kubernetes
	if wanted == "" {
		wanted = release.Default().Kubernetes
	}
	r, err := release.For(wanted)
	if err != nil {
		return nil, err
	}
	recipe, err := ReadRecipe(o.Source)
	if err != nil {
		return nil, fmt.Errorf("cannot build a bundle: %w", err)
	}
	lock, err := readLock(o.Source)
	if err != nil {
		return nil, fmt.Errorf("cannot build a bundle: %w", err)
	}
	toolchain, err := goVersion(ctx)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Cache, 0o755); err != nil {
		return nil, err
	}
	p := NewStages(o.Progress, o.Cache, stages(recipe.Programs))
	c := compiler{source: o.Source, cache: o.Cache, component: r.Component, toolchain: toolchain, progress: p}
	return &builder{
		options: o, release: r, recipe: recipe, lock: lock, compiler: c, progress: p,
		programs: map[string]string{}, debs: map[string]string{},
	}, nil
}

// stages are a build's: each program and what follows.
func stages(programs []Program) []Stage {
	var list []Stage
	for _, p := range programs {
		list = append(list, Stage{p.Name, float64(p.Seconds)})
	}
	return append(list, Stage{"debian", 5}, Stage{"assemble", 15}, Stage{"pack", 60})
}

// compile makes every program, one at a time: the compiler itself uses all cores.
func (b *builder) compile(ctx context.Context) error {
	for _, p := range b.recipe.Programs {
		path, err := b.compiler.program(ctx, p)
		if err != nil {
			return err
		}
		b.programs[p.Name] = path
	}
	return nil
}

// fetch gets the locked Debian packages.
func (b *builder) fetch(ctx context.Context) error {
	b.progress.Start("debian", "fetch Debian packages")
	for i, l := range b.lock {
		path, err := l.fetch(ctx, b.options.Cache)
		if err != nil {
			return err
		}
		b.debs[l.name] = path
		b.progress.Step(l.name, float64(i+1)/float64(len(b.lock)))
	}
	b.progress.Finish()
	return nil
}

// assemble writes the bundle's folder.
func (b *builder) assemble(ctx context.Context, folder string) (bundle.Manifest, error) {
	layers, err := os.MkdirTemp(b.options.Cache, ".layers-*")
	if err != nil {
		return bundle.Manifest{}, err
	}
	defer os.RemoveAll(layers)
	digests, err := b.layers(ctx, layers)
	if err != nil {
		return bundle.Manifest{}, err
	}
	content := assemble.Content{Manifest: Manifest(b.release)}
	content.Manifest.Go = b.compiler.toolchain
	if content.Images, err = b.images(layers, digests); err != nil {
		return bundle.Manifest{}, err
	}
	content.Programs = b.hostPrograms(layers, digests)
	if content.SBOM, err = b.sbom(ctx); err != nil {
		return bundle.Manifest{}, err
	}
	return assemble.Folder(ctx, folder, content)
}

// Pack writes a bundle's folder as o.Output, and leaves it as o.Folder. It is
// the last stage, "pack", of a build.
func Pack(ctx context.Context, o Options, p *Stages, folder string, m bundle.Manifest) (Result, error) {
	result := Result{Manifest: m, Output: o.Output}
	p.Start("pack", "compress everything into one file")
	if o.Output != "" {
		if err := os.MkdirAll(filepath.Dir(o.Output), 0o755); err != nil {
			return Result{}, err
		}
		err := assemble.Pack(ctx, folder, o.Output, m, func(done, total int64) {
			p.Step("", float64(done)/float64(total))
		})
		if err != nil {
			return Result{}, err
		}
		info, err := os.Stat(o.Output)
		if err != nil {
			return Result{}, err
		}
		result.Size = info.Size()
	}
	if o.Folder != "" {
		if err := place(folder, o.Folder); err != nil {
			return Result{}, err
		}
	}
	p.Finish()
	return result, nil
}

// CompileOwn compiles a program of this repository, which belongs to no
// component, unless the cache has it, and returns the file's path.
func CompileOwn(ctx context.Context, o Options, p *Stages, program Program) (string, error) {
	o, err := o.absolute()
	if err != nil {
		return "", err
	}
	toolchain, err := goVersion(ctx)
	if err != nil {
		return "", err
	}
	none := func(string) (release.Component, bool) { return release.Component{}, false }
	c := compiler{source: o.Source, cache: o.Cache, component: none, toolchain: toolchain, progress: p}
	return c.program(ctx, program)
}

// place moves the folder to its name, in place of an older one.
func place(folder, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	old := to + ".old"
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	if err := os.Rename(to, old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return errors.Join(os.Rename(folder, to), os.RemoveAll(old))
}
