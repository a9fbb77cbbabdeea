// Package foreign makes cluster files from what other tools read: a Kubespray inventory, a k0sctl file, a kubeadm configuration.
package foreign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/cluster/foreign/ansible"
	"keelway.dev/keelway/internal/config"
)

// Left is one thing that could not be carried over. Its value is not in it: it
// may be a secret.
type Left struct {
	// File and Name are where it stands.
	File string `json:"file"`
	Name string `json:"name"`
	Why  string `json:"why"`
}

// String is "file: name: why".
func (l Left) String() string { return l.File + ": " + l.Name + ": " + l.Why }

// Imported is a cluster file, and what is not in it.
type Imported struct {
	// From is the tool whose file it was.
	From    string
	Cluster file.Cluster
	Left    []Left
}

// leave notes something that is not carried over.
func (m *Imported) leave(where, name, format string, args ...any) {
	l := Left{where, name, fmt.Sprintf(format, args...)}
	if !slices.Contains(m.Left, l) {
		m.Left = append(m.Left, l)
	}
}

// Read finds out which tool's files these are, and makes a cluster file of
// them. The first is the one that was named; the others lie beside it.
func Read(files []ansible.File) (*Imported, error) {
	if len(files) == 0 {
		return nil, errors.New("there is no file to import")
	}
	first := files[0]
	var meta struct {
		APIVersion string `json:"apiVersion"`
	}
	for part := range bytes.SplitSeq(append([]byte("\n"), first.Text...), []byte("\n---")) {
		if yaml.Unmarshal(part, &meta) == nil && meta.APIVersion != "" {
			break
		}
	}
	switch {
	case strings.HasPrefix(meta.APIVersion, "k0sctl.k0sproject.io/"):
		return K0sctl(first)
	case strings.HasPrefix(meta.APIVersion, "kubeadm.k8s.io/"):
		return Kubeadm(first)
	case meta.APIVersion == file.APIVersion:
		return nil, fmt.Errorf("%s is a cluster file already: `keelway cluster validate -f %s` checks it", first.Path, first.Path)
	case meta.APIVersion != "":
		return nil, fmt.Errorf("%s is of %s: a Kubespray inventory, a k0sctl file or a kubeadm configuration can be imported", first.Path, meta.APIVersion)
	}
	return Kubespray(first, files[1:])
}

// Write is the cluster file, with what was left as comments above it.
func (m *Imported) Write() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Made by `keelway cluster import` from %s.\n", m.From)
	if len(m.Left) > 0 {
		b.WriteString("# Not carried over:\n")
	}
	for _, l := range m.Left {
		fmt.Fprintf(&b, "# - %s\n", strings.Join(strings.Fields(l.String()), " "))
	}
	text, err := yaml.Marshal(m.Cluster)
	b.Write(text)
	return b.Bytes(), err
}

// start is a cluster file with its head.
func start(from, name string) *Imported {
	m := &Imported{From: from}
	m.Cluster.APIVersion, m.Cluster.Kind = file.APIVersion, file.Kind
	m.Cluster.Metadata.Name = dnsLabel(name)
	return m
}

// dnsLabel makes a name of the form that a cluster's has to have.
func dnsLabel(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	clean = strings.Trim(clean, "-")
	if len(clean) > 63 {
		clean = strings.Trim(clean[:63], "-")
	}
	if clean == "" {
		return "cluster"
	}
	return clean
}

// version writes a version as Keelway does: v1.37.0, without what others add to it.
func version(text string) string {
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "v"), "+")
	if text == "" {
		return ""
	}
	return "v" + text
}

// args makes flags of a map, sorted by name.
func args(flags map[string]any) []config.Arg {
	var list []config.Arg
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		list = append(list, config.Arg{Name: strings.TrimLeft(name, "-"), Value: word(flags[name])})
	}
	return list
}

// embed sets a field of an embedded document.
func embed(raw *json.RawMessage, name string, value any) {
	tree := map[string]any{}
	if *raw != nil && json.Unmarshal(*raw, &tree) != nil {
		return // it is no map: what it holds was written by embed alone
	}
	tree[name] = value
	if text, err := json.Marshal(tree); err == nil {
		*raw = text
	}
}
