package operation

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/spell"
)

// found is what a name stands for.
type found struct {
	resources []desired.Resource
	settings  []Setting
	// file is set when the name is a file's.
	file string
}

// UnknownNameError says that there is no such step or file.
type UnknownNameError struct {
	Name string
	// Close are names like it.
	Close []string
}

func (e *UnknownNameError) Error() string {
	words := fmt.Sprintf("nothing that keelway does on this machine is called %q", e.Name)
	if len(e.Close) > 0 {
		return words + "; did you mean " + strings.Join(e.Close, ", ") + "?"
	}
	return words + "; `keelway explain` lists all steps and files"
}

// AmbiguousNameError says that several files fit.
type AmbiguousNameError struct {
	Name  string
	Paths []string
}

func (e *AmbiguousNameError) Error() string {
	return fmt.Sprintf("%q can be %s: write more of the path", e.Name, strings.Join(e.Paths, " or "))
}

// resolve finds what a name stands for: a step, a phase, a component, a
// security setting, or a file by its path or the end of it. exists says whether
// there is a file that no step writes.
func resolve(name string, want desired.Host, all []Setting, exists func(path string) bool) (found, error) {
	pick := func(is func(desired.Resource) bool) []desired.Resource {
		var list []desired.Resource
		for _, r := range want.Resources {
			if is(r) {
				list = append(list, r)
			}
		}
		return list
	}
	if list := pick(func(r desired.Resource) bool { return r.ID == name }); len(list) > 0 {
		return found{resources: list}, nil
	}
	for _, s := range all {
		if s.ID == name {
			return found{settings: []Setting{s}, resources: pick(func(r desired.Resource) bool { return slices.Contains(s.Steps, r.ID) })}, nil
		}
	}
	if name == securityPhase {
		return found{settings: all}, nil
	}
	if list := pick(func(r desired.Resource) bool { return r.Phase == name || r.Component == name }); len(list) > 0 {
		return found{resources: list}, nil
	}
	if !path.IsAbs(name) {
		paths := ending(name, want)
		switch len(paths) {
		case 0:
			return found{}, &UnknownNameError{Name: name, Close: spell.Like(name, Names(want))}
		case 1:
			name = paths[0]
		default:
			return found{}, &AmbiguousNameError{Name: name, Paths: paths}
		}
	}
	name = path.Clean(name)
	list := pick(func(r desired.Resource) bool { return slices.Contains(pathsOf(r), name) })
	if len(list) == 0 && (!exists(name) || enclosing(name, want) == nil) {
		return found{}, &UnknownNameError{Name: name, Close: spell.Like(name, Names(want))}
	}
	return found{resources: list, file: name}, nil
}

// Names lists everything that explain knows, for completion: the steps, the
// phases, the components, and the files by their whole path.
func Names(want desired.Host) []string {
	var names []string
	for _, r := range want.Resources {
		names = append(names, r.ID, r.Phase, r.Component)
		names = append(names, pathsOf(r)...)
	}
	for _, s := range settings(want) {
		names = append(names, s.ID)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// pathsOf lists the paths that a resource is about: those that it writes, and
// those that it waits for.
func pathsOf(r desired.Resource) []string {
	paths := r.Paths()
	if r.Wait != nil && path.IsAbs(r.Wait.Target) {
		paths = append(paths, r.Wait.Target)
	}
	if r.Bootstrap != nil {
		paths = append(paths, r.Bootstrap.Until...)
	}
	return paths
}

// ending lists the known paths whose last parts are name's.
func ending(name string, want desired.Host) []string {
	var list []string
	for _, r := range want.Resources {
		for _, p := range pathsOf(r) {
			if strings.HasSuffix(p, "/"+strings.TrimPrefix(path.Clean(name), "./")) && !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	return list
}

// enclosing is the resource that makes the nearest folder above p which is
// Keelway's alone; nil when there is none. What lies in such a folder was made
// by the component that reads it.
func enclosing(p string, want desired.Host) *desired.Resource {
	var best *desired.Resource
	length := 0
	for i, r := range want.Resources {
		for _, f := range r.Files {
			if f.Mode.IsDir() && strings.HasPrefix(p, f.Path+"/") && len(f.Path) > length {
				best, length = &want.Resources[i], len(f.Path)
			}
		}
	}
	return best
}

// ExplainNames lists everything that Explain knows on this machine, for
// completion in a shell.
func ExplainNames(ctx context.Context, m *Machine, chosen *cluster.Options) ([]string, error) {
	is, err := m.expected(ctx, chosen)
	if err != nil {
		return nil, err
	}
	return Names(is.want), nil
}

// Phases lists the phases of `up` on this machine, in order.
func Phases(ctx context.Context, m *Machine) ([]string, error) {
	is, err := m.expected(ctx, nil)
	if err != nil {
		return nil, err
	}
	return is.want.Phases(), nil
}
