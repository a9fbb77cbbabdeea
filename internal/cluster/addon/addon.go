// Package addon holds the objects that a cluster's owner adds to it: read strictly from manifests, and in a sound order.
package addon

import (
	"fmt"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/kubernetes/scheme"

	"keelway.dev/keelway/internal/config/document"
)

// Object is one object, and where it was read.
type Object struct {
	unstructured.Unstructured
	// Source is what the cluster file names: a path, or the release of a chart.
	Source string
	// At is "file:line".
	At string
	// Home is the namespace of one that says none; "" is "default".
	Home string
}

// Ref names an object in the API.
type Ref struct {
	schema.GroupVersionKind
	Namespace, Name string
}

// Ref is the object's own.
func (o Object) Ref() Ref {
	return Ref{GroupVersionKind: o.GroupVersionKind(), Namespace: o.GetNamespace(), Name: o.GetName()}
}

// String is such as "Deployment web/front".
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

// Same says whether both name one object; its version may be another one.
func (r Ref) Same(other Ref) bool {
	return r.GroupKind() == other.GroupKind() && r.Namespace == other.Namespace && r.Name == other.Name
}

// Line is the form in which a Ref is remembered.
func (r Ref) Line() string {
	return strings.Join([]string{r.Group, r.Version, r.Kind, r.Namespace, r.Name}, "|")
}

// ParseRef reads a Line.
func ParseRef(line string) (Ref, error) {
	p := strings.Split(line, "|")
	if len(p) != 5 || p[2] == "" || p[4] == "" {
		return Ref{}, fmt.Errorf("%q names no object", line)
	}
	return Ref{GroupVersionKind: schema.GroupVersionKind{Group: p[0], Version: p[1], Kind: p[2]}, Namespace: p[3], Name: p[4]}, nil
}

// Read reads the objects of one file. Fields of the kinds that Kubernetes has
// itself are held against their types; other kinds only the API server knows.
func Read(source, file string, text []byte) ([]Object, []document.Problem) {
	documents, problems := document.Objects(file, text)
	var objects []Object
	for _, d := range documents {
		found, wrong := fromDocument(source, d)
		objects, problems = append(objects, found...), append(problems, wrong...)
	}
	return objects, problems
}

func fromDocument(source string, d document.Document) ([]Object, []document.Problem) {
	gvk := schema.FromAPIVersionAndKind(d.Version, d.Kind)
	var problems []document.Problem
	if known, err := scheme.Scheme.New(gvk); err == nil {
		problems = d.Shape("", reflect.TypeOf(known))
	}
	var content map[string]any
	if err := json.Unmarshal(d.JSON, &content); err != nil {
		return nil, append(problems, problem(d, "", "%v", err))
	}
	if items, ok := content["items"].([]any); ok && strings.HasSuffix(d.Kind, "List") {
		var objects []Object
		for i, item := range items {
			one, ok := item.(map[string]any)
			if !ok {
				problems = append(problems, problem(d, fmt.Sprintf("items[%d]", i), "it is no object"))
				continue
			}
			o, wrong := object(source, d, fmt.Sprintf("items[%d].", i), one)
			objects, problems = append(objects, o), append(problems, wrong...)
		}
		return objects, problems
	}
	o, wrong := object(source, d, "", content)
	return []Object{o}, append(problems, wrong...)
}

// object checks what every object needs, and leaves out what the server writes.
func object(source string, d document.Document, prefix string, content map[string]any) (Object, []document.Problem) {
	o := Object{Unstructured: unstructured.Unstructured{Object: content}, Source: source}
	line, _ := d.Line(strings.TrimSuffix(prefix, "."))
	o.At = fmt.Sprintf("%s:%d", d.File, line)
	var problems []document.Problem
	if o.GetKind() == "" || o.GetAPIVersion() == "" {
		problems = append(problems, problem(d, prefix+"kind", "apiVersion and kind are needed"))
	}
	switch {
	case o.GetName() != "":
	case o.GetGenerateName() != "":
		problems = append(problems, problem(d, prefix+"metadata.generateName", "give it a name: each apply would make another one"))
	default:
		problems = append(problems, problem(d, prefix+"metadata.name", "it is needed"))
	}
	for _, field := range []string{"resourceVersion", "uid", "managedFields"} {
		if _, there, _ := unstructured.NestedFieldNoCopy(content, "metadata", field); there {
			problems = append(problems, problem(d, prefix+"metadata."+field, "the server writes it; take it out"))
		}
	}
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(content, "status")
	return o, problems
}

func problem(d document.Document, path, format string, args ...any) document.Problem {
	line, _ := d.Line(path)
	return document.Problem{File: d.File, Line: line, Kind: d.Kind, Path: path, Message: fmt.Sprintf(format, args...)}
}

// Twice finds objects that are there more than once.
func Twice(objects []Object) []document.Problem {
	var problems []document.Problem
	first := map[Ref]string{}
	for _, o := range objects {
		r := o.Ref()
		r.Version = ""
		if at, ok := first[r]; ok {
			file, line := place(o.At)
			problems = append(problems, document.Problem{File: file, Line: line, Message: fmt.Sprintf("%s is there twice: also at %s", r, at)})
			continue
		}
		first[r] = o.At
	}
	return problems
}

func place(at string) (file string, line int) {
	i := strings.LastIndexByte(at, ':')
	if i < 0 {
		return at, 0
	}
	_, _ = fmt.Sscanf(at[i+1:], "%d", &line)
	return at[:i], line
}
