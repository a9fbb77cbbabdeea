package schema

import (
	"bytes"
	"encoding/json"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/config/document"
)

// node is one place of a JSON Schema, in the order in which it is written.
type node struct {
	Schema      string           `json:"$schema,omitempty"`
	Title       string           `json:"title,omitempty"`
	Ref         string           `json:"$ref,omitempty"`
	Description string           `json:"description,omitempty"`
	Type        string           `json:"type,omitempty"`
	Const       string           `json:"const,omitempty"`
	Enum        []string         `json:"enum,omitempty"`
	Pattern     string           `json:"pattern,omitempty"`
	Items       *node            `json:"items,omitempty"`
	Properties  map[string]*node `json:"properties,omitempty"`
	Required    []string         `json:"required,omitempty"`
	// Additional is false where no other field may be, or what others are.
	Additional any              `json:"additionalProperties,omitempty"`
	Defs       map[string]*node `json:"$defs,omitempty"`
}

// JSON is the JSON Schema (draft 2020-12) of a cluster file. It knows the fields
// and their kinds; what fits together is for `keelway cluster validate` to say.
func JSON() ([]byte, error) {
	known, err := read()
	if err != nil {
		return nil, err
	}
	b := builder{known, map[string]*node{}}
	root := b.structure(reflect.TypeFor[file.Cluster]())
	root.Schema, root.Title, root.Defs = "https://json-schema.org/draft/2020-12/schema", "Keelway's cluster file", b.defs
	root.Properties["apiVersion"].Const = file.APIVersion
	root.Properties["kind"].Const = file.Kind
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	err = e.Encode(root)
	return text.Bytes(), err
}

type builder struct {
	comments comments
	defs     map[string]*node
}

func (b builder) structure(t reflect.Type) *node {
	n := &node{Type: "object", Properties: map[string]*node{}, Additional: false}
	for _, f := range document.Fields(t) {
		p := b.value(f.Type)
		m := b.comments.of(f)
		p.Description = m.text
		if m.standard != "" {
			p.Description += " Default: " + m.standard + "."
		}
		n.Properties[f.Name] = p
		if !f.Optional {
			n.Required = append(n.Required, f.Name)
		}
	}
	return n
}

func (b builder) value(t reflect.Type) *node {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[metav1.Duration]():
		return &node{Type: "string", Pattern: `^([0-9]+(\.[0-9]+)?(h|m|s|ms|us|ns))+$`}
	case reflect.TypeFor[metav1.Time]():
		return &node{Type: "string"}
	case reflect.TypeFor[json.RawMessage](), reflect.TypeFor[corev1.EnvVarSource]():
		return &node{Type: "object"} // another API's, which has a schema of its own
	}
	switch t.Kind() {
	case reflect.Bool:
		return &node{Type: "boolean"}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return &node{Type: "integer"}
	case reflect.Slice:
		return &node{Type: "array", Items: b.value(t.Elem())}
	case reflect.Map:
		return &node{Type: "object", Additional: b.value(t.Elem())}
	case reflect.Struct:
		if _, done := b.defs[t.Name()]; !done {
			b.defs[t.Name()] = &node{} // a type that holds itself would never end
			b.defs[t.Name()] = b.structure(t)
		}
		return &node{Ref: "#/$defs/" + t.Name()}
	}
	return &node{Type: "string", Enum: file.Choices(t)}
}
