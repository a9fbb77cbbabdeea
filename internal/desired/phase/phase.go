// Package phase names the phases of kubeadm's workflows, and chooses which of them run.
package phase

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Phase is one named part of a workflow, as kubeadm names it.
type Phase struct {
	Name    string
	Aliases []string
	// Short says in a line what the phase does.
	Short string
	// Phases are its parts, in order; a phase with parts only groups them.
	Phases []Phase
	// Needs are phases that must run in the same call.
	Needs []string
	// Own marks a phase that kubeadm does not have.
	Own bool
}

// separator stands between the names of a path such as certs/apiserver.
const separator = "/"

// Selection is the paths of the phases that run; one that has parts is not
// among them, its parts are.
type Selection map[string]bool

// Has says whether the phase of that path runs.
func (s Selection) Has(path string) bool { return s[path] }

// Any says whether one of the phases runs, or a part of one.
func (s Selection) Any(paths ...string) bool {
	for _, p := range paths {
		for have := range s {
			if have == p || strings.HasPrefix(have, p+separator) {
				return true
			}
		}
	}
	return false
}

// Paths lists every phase of a tree by its path, each before its parts.
func Paths(tree []Phase) []string {
	var paths []string
	walk(tree, "", func(path string, _ Phase) { paths = append(paths, path) })
	return paths
}

func walk(tree []Phase, above string, visit func(path string, p Phase)) {
	for _, p := range tree {
		path := above + p.Name
		visit(path, p)
		walk(p.Phases, path+separator, visit)
	}
}

// Select chooses the phases to run: all of them, or only those named with their
// parts, without the skipped ones and their parts. Names are paths. As in
// kubeadm, a name that does not exist is an error; the error names those there are.
func Select(tree []Phase, only, skip []string) (Selection, error) {
	s := Selection{}
	paths := Paths(tree)
	known := func(name string) error {
		if !slices.Contains(paths, name) {
			return fmt.Errorf("invalid phase name: %s; choose one of %s", name, strings.Join(paths, ", "))
		}
		return nil
	}
	set := func(names []string, on bool) error {
		for _, name := range names {
			if err := known(name); err != nil {
				return err
			}
			for _, p := range paths {
				if p == name || strings.HasPrefix(p, name+separator) {
					s[p] = on
				}
			}
		}
		return nil
	}
	if len(only) == 0 {
		for _, p := range paths {
			s[p] = true
		}
	}
	if err := set(only, true); err != nil {
		return nil, err
	}
	if err := set(skip, false); err != nil {
		return nil, err
	}
	walk(tree, "", func(path string, p Phase) {
		if len(p.Phases) > 0 || !s[path] {
			delete(s, path)
		}
	})
	return s, s.complete(tree, len(only) == 0)
}

// complete finds phases of a whole workflow that run without one they need. A
// single phase that is run by hand finds what it needs on the machine and in
// the cluster.
func (s Selection) complete(tree []Phase, whole bool) error {
	if !whole {
		return nil
	}
	var missing []string
	walk(tree, "", func(path string, p Phase) {
		for _, need := range p.Needs {
			if s[path] && !s[need] {
				missing = append(missing, fmt.Sprintf("the phase %s needs the phase %s: skip both, or none", path, need))
			}
		}
	})
	if len(missing) == 0 {
		return nil
	}
	sort.Strings(missing)
	return fmt.Errorf("unresolved dependencies: %s", strings.Join(missing, "; "))
}
