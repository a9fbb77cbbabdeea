// Package ansible reads inventories: hosts and groups from YAML or INI, and the variables beside them.
package ansible

import (
	"fmt"
	"path"
	"slices"
	"strings"

	node "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

// File is one file of an inventory, by its path below the inventory's folder.
type File struct {
	Path string
	Text []byte
}

// Value is a variable, and the file that says it.
type Value struct {
	Value any
	File  string
}

// Vars are variables by name.
type Vars map[string]Value

// Inventory is what the files say together.
type Inventory struct {
	// Hosts are in the order in which they come first.
	Hosts  []string
	groups map[string]*group
	vars   map[string]Vars // of hosts
}

type group struct {
	hosts, children []string
	vars            Vars
}

// Read reads one inventory, YAML or INI, and the files of group_vars and
// host_vars that belong to it.
func Read(inventory File, others []File) (*Inventory, error) {
	i := &Inventory{groups: map[string]*group{}, vars: map[string]Vars{}}
	var err error
	if IsYAML(inventory) {
		err = i.readYAML(inventory)
	} else {
		err = i.readINI(inventory)
	}
	if err != nil {
		return nil, err
	}
	for _, f := range others {
		if err := i.readVars(f); err != nil {
			return nil, err
		}
	}
	return i, nil
}

// IsYAML tells YAML from INI, by the name of the file or else by its content.
func IsYAML(f File) bool {
	switch path.Ext(f.Path) {
	case ".yaml", ".yml", ".json":
		return true
	case ".ini", ".cfg":
		return false
	}
	var tree map[string]any
	return yaml.Unmarshal(f.Text, &tree) == nil && len(tree) > 0
}

// readVars reads group_vars/GROUP.yml, group_vars/GROUP/FILE.yml, and the same
// of host_vars.
func (i *Inventory) readVars(f File) error {
	parts := strings.Split(path.Clean(f.Path), "/")
	at := max(slices.Index(parts, "group_vars"), slices.Index(parts, "host_vars"))
	if at < 0 || at+1 >= len(parts) {
		return nil
	}
	owner := parts[at+1]
	if len(parts) == at+2 {
		owner = strings.TrimSuffix(strings.TrimSuffix(owner, ".yml"), ".yaml")
	}
	var tree map[string]any
	if err := yaml.Unmarshal(f.Text, &tree); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	into := i.group(owner).vars
	if parts[at] == "host_vars" {
		into = i.host(owner)
	}
	for name, value := range tree {
		into[name] = Value{value, f.Path}
	}
	return nil
}

func (i *Inventory) group(name string) *group {
	name = strings.ReplaceAll(name, "-", "_") // older inventories have kube-node
	if i.groups[name] == nil {
		i.groups[name] = &group{vars: Vars{}}
	}
	return i.groups[name]
}

func (i *Inventory) host(name string) Vars {
	if i.vars[name] == nil {
		i.vars[name] = Vars{}
	}
	return i.vars[name]
}

// join adds a host to a group, and to the list of all.
func (i *Inventory) join(g *group, name string) {
	if !slices.Contains(g.hosts, name) {
		g.hosts = append(g.hosts, name)
	}
	if !slices.Contains(i.Hosts, name) {
		i.Hosts = append(i.Hosts, name)
	}
}

// In tells whether a host is in one of the groups, or in one below them.
func (i *Inventory) In(host string, groups ...string) bool {
	seen := map[string]bool{}
	for len(groups) > 0 {
		name := strings.ReplaceAll(groups[0], "-", "_")
		groups = groups[1:]
		g := i.groups[name]
		if g == nil || seen[name] {
			continue
		}
		seen[name] = true
		if slices.Contains(g.hosts, host) {
			return true
		}
		groups = append(groups, g.children...)
	}
	return false
}

// Group is the variables of a group alone.
func (i *Inventory) Group(name string) Vars {
	if g := i.groups[strings.ReplaceAll(name, "-", "_")]; g != nil {
		return g.vars
	}
	return nil
}

// Groups lists the names of all groups.
func (i *Inventory) Groups() []string {
	var names []string
	for name := range i.groups {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Host is the variables of a host alone.
func (i *Inventory) Host(name string) Vars { return i.vars[name] }

// readYAML reads groups, which hold hosts, children and vars.
func (i *Inventory) readYAML(f File) error {
	var tree node.Node
	if err := node.Unmarshal(f.Text, &tree); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	if len(tree.Content) != 1 || tree.Content[0].Kind != node.MappingNode {
		return fmt.Errorf("%s is no inventory: it should be a map of groups", f.Path)
	}
	return each(tree.Content[0], func(name string, at *node.Node) error { return i.yamlGroup(f, name, at, 0) })
}

func (i *Inventory) yamlGroup(f File, name string, at *node.Node, depth int) error {
	if depth > 32 {
		return fmt.Errorf("%s: group %s lies below 32 others", f.Path, name)
	}
	g := i.group(name)
	return each(at, func(part string, value *node.Node) error {
		switch part {
		case "hosts":
			return each(value, func(pattern string, vars *node.Node) error {
				for _, host := range expand(pattern) {
					i.join(g, host)
					if err := set(i.host(host), f, vars); err != nil {
						return err
					}
				}
				return nil
			})
		case "children":
			return each(value, func(child string, below *node.Node) error {
				g.children = append(g.children, strings.ReplaceAll(child, "-", "_"))
				return i.yamlGroup(f, child, below, depth+1)
			})
		case "vars":
			return set(g.vars, f, value)
		}
		return fmt.Errorf("%s:%d: group %s has %q, where an inventory has hosts, children and vars", f.Path, value.Line, name, part)
	})
}

// set adds the variables of a map.
func set(into Vars, f File, at *node.Node) error {
	return each(at, func(name string, value *node.Node) error {
		var v any
		if err := value.Decode(&v); err != nil {
			return fmt.Errorf("%s:%d: %s: %w", f.Path, value.Line, name, err)
		}
		into[name] = Value{v, f.Path}
		return nil
	})
}

// each goes through a map in the file's order; nothing is an empty map.
func each(at *node.Node, do func(name string, value *node.Node) error) error {
	if at.Kind == node.AliasNode {
		at = at.Alias
	}
	if at.Kind != node.MappingNode {
		if at.Tag == "!!null" {
			return nil
		}
		return fmt.Errorf("line %d: a map is expected", at.Line)
	}
	for i := 0; i+1 < len(at.Content); i += 2 {
		if err := do(at.Content[i].Value, at.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}
