package build

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/release"
)

// RecipeName is the recipe's file in the components' folder.
const RecipeName = "recipe.yaml"

// Recipe says what is compiled and which image holds what.
type Recipe struct {
	Programs []Program `json:"programs"`
	Layers   []Layer   `json:"layers"`
	Images   []Image   `json:"images"`
	// Binaries are the names of the programs that a host needs.
	Binaries []string `json:"binaries"`
	Debian   Debian   `json:"debian"`
}

// Program is one compiled file.
type Program struct {
	Name string `json:"name"`
	// Component is release's name for what it belongs to; empty for a program
	// of this repository.
	Component string `json:"component,omitempty"`
	// Folder is its Go module's, below the components' folder.
	Folder string `json:"folder"`
	// Package is what go build is given, Source a C file that is compiled instead.
	Package string   `json:"package,omitempty"`
	Source  string   `json:"source,omitempty"`
	Tags    []string `json:"tags,omitempty"`
	// CGO lists the Debian packages that a program with C in it is linked
	// against, statically; empty for pure Go.
	CGO []string `json:"cgo,omitempty"`
	// Variables are Go variables set by the linker.
	Variables map[string]string `json:"variables,omitempty"`
	// Calls are the names that the file answers to, when they are several.
	Calls []string `json:"calls,omitempty"`
	// Seconds is how long a build from nothing takes on two cores.
	Seconds int `json:"seconds"`
}

// Layer is an image layer.
type Layer struct {
	Name string `json:"name"`
	// Files maps a path in the image to a program's name. The program's calls
	// become links beside it.
	Files map[string]string `json:"files,omitempty"`
	// Accounts adds passwd, group, nsswitch.conf and /tmp.
	Accounts bool `json:"accounts,omitempty"`
	// Certificates names the Debian package with the public CA certificates.
	Certificates string `json:"certificates,omitempty"`
	// Debian names Debian packages, whose files and those of all that they need
	// are added.
	Debian []string `json:"debian,omitempty"`
	// Tar, when set, is the name under which hosts get the layer as one file.
	Tar string `json:"tar,omitempty"`
	// Capability is a capability that the layer's programs have as files.
	Capability string `json:"capability,omitempty"`
}

// Image is a container image.
type Image struct {
	// Name is release's, such as "kube-proxy".
	Name       string   `json:"name"`
	Layers     []string `json:"layers"`
	Entrypoint []string `json:"entrypoint"`
	User       string   `json:"user,omitempty"`
}

// Debian says what of the layers' packages images do not hold.
type Debian struct {
	// Without are packages that others say they need, and images do not.
	Without []string `json:"without,omitempty"`
	// Drop lists patterns of paths: a * stands for one name or part of it, /**
	// at the end for everything below.
	Drop []string `json:"drop"`
	// Links are symbolic links that the packages' install scripts would make.
	Links map[string]string `json:"links,omitempty"`
}

// ReadRecipe reads and checks the recipe below the components' folder.
func ReadRecipe(folder string) (Recipe, error) {
	path := filepath.Join(folder, RecipeName)
	text, err := os.ReadFile(path)
	if err != nil {
		return Recipe{}, err
	}
	var r Recipe
	if err := yaml.UnmarshalStrict(text, &r); err != nil {
		return Recipe{}, fmt.Errorf("%s: %w", path, err)
	}
	if err := r.check(); err != nil {
		return Recipe{}, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// check refuses names that point nowhere.
func (r Recipe) check() error {
	layers := map[string]bool{}
	for _, l := range r.Layers {
		layers[l.Name] = true
		for path, name := range l.Files {
			if _, ok := r.Program(name); !ok {
				return fmt.Errorf("layer %s: %s is program %q, which is not in the recipe", l.Name, path, name)
			}
		}
		if l.Capability != "" && capabilityNumber(l.Capability) < 0 {
			return fmt.Errorf("layer %s: capability %q is not known", l.Name, l.Capability)
		}
	}
	for _, i := range r.Images {
		if release.Repository(i.Name) == "" {
			return fmt.Errorf("image %q: package release does not know it", i.Name)
		}
		for _, l := range i.Layers {
			if !layers[l] {
				return fmt.Errorf("image %s: layer %q is not in the recipe", i.Name, l)
			}
		}
	}
	for _, b := range r.Binaries {
		if _, ok := r.provider(b); !ok {
			return fmt.Errorf("binary %q: no program answers to it", b)
		}
	}
	return nil
}

// title is the program's name and version for people.
func (p Program) title(component func(string) (release.Component, bool)) string {
	name := p.Name
	if len(p.Calls) > 0 {
		name = strings.Join(p.Calls, ", ")
	}
	if c, ok := component(p.Component); ok {
		return name + " " + c.Version
	}
	return name
}

// Program finds a program by the name of its file.
func (r Recipe) Program(name string) (Program, bool) {
	for _, p := range r.Programs {
		if p.Name == name {
			return p, true
		}
	}
	return Program{}, false
}

// provider finds the program that answers to a name.
func (r Recipe) provider(name string) (Program, bool) {
	if p, ok := r.Program(name); ok {
		return p, true
	}
	for _, p := range r.Programs {
		for _, call := range p.Calls {
			if call == name {
				return p, true
			}
		}
	}
	return Program{}, false
}

// fill replaces the placeholders in text by a component's version.
func fill(text string, c release.Component, released time.Time) string {
	numbers := append(strings.Split(strings.TrimPrefix(c.Version, "v"), "."), "", "")
	return strings.NewReplacer(
		"{version}", c.Version,
		"{minor}", release.Minor(c.Version),
		"{majorNumber}", numbers[0],
		"{minorNumber}", numbers[1],
		"{released}", released.UTC().Format(time.RFC3339),
	).Replace(text)
}
