package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/config/document"
)

// Field is one field of the cluster file, for the reference.
type Field struct {
	// Path is such as "spec.hosts[].ssh.port".
	Path string
	// Kind is in words of YAML.
	Kind string
	// Choices are all that it may say; nil is anything of its kind.
	Choices  []string
	Required bool
	// Default and Meaning are sentences; Default may be "".
	Default, Meaning string
}

// Fields lists every field that the cluster file itself declares, in its order.
// What other APIs declare, such as a taint's fields, is in one row.
func Fields() ([]Field, error) {
	known, err := read()
	if err != nil {
		return nil, err
	}
	return known.fields("", reflect.TypeFor[file.Cluster]()), nil
}

func (c comments) fields(prefix string, t reflect.Type) []Field {
	var list []Field
	for _, f := range document.Fields(t) {
		m, inner := c.of(f), element(f.Type)
		row := Field{Path: prefix + f.Name, Kind: words(f.Type), Choices: file.Choices(inner), Required: !f.Optional, Default: m.standard, Meaning: m.text}
		list = append(list, row)
		if inner.Kind() == reflect.Struct && inner.PkgPath() == reflect.TypeFor[file.Cluster]().PkgPath() {
			below := row.Path + "."
			if row.Kind == "list" {
				below = row.Path + "[]."
			}
			list = append(list, c.fields(below, inner)...)
		}
	}
	return list
}

// words says a type in words of YAML.
func words(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[metav1.Duration]():
		return "duration"
	case reflect.TypeFor[json.RawMessage]():
		return "map"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "number"
	case reflect.Slice:
		inner := element(t)
		if inner.Kind() == reflect.Struct && inner.PkgPath() != reflect.TypeFor[file.Cluster]().PkgPath() {
			var names []string
			for _, f := range document.Fields(inner) {
				names = append(names, f.Name)
			}
			return "list of {" + strings.Join(names, ", ") + "}"
		}
		return "list"
	case reflect.Map, reflect.Struct:
		return "map"
	}
	return "text"
}

// Markdown is the reference of the cluster file.
func Markdown() ([]byte, error) {
	fields, err := Fields()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("# The cluster file\n\nWritten by `make docs` from the types themselves. [How to write and check one](../tasks/cluster-file.md); [the JSON Schema](cluster.schema.json) for editors.\n\n")
	b.WriteString("Durations are written as 1h30m. Paths that do not begin with / or ~ begin at the file's folder, but for those of an etcd of others, which are on every control plane.\n\n| field | kind | default | meaning |\n|---|---|---|---|\n")
	for _, f := range fields {
		kind := f.Kind
		if f.Choices != nil {
			kind = strings.Join(f.Choices, ", ")
			if f.Kind == "list" {
				kind = "list of " + kind
			}
		}
		standard := f.Default
		if f.Required {
			standard = "**needed**"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Path, kind, standard, strings.ReplaceAll(f.Meaning, "|", `\|`))
	}
	return []byte(b.String()), nil
}
