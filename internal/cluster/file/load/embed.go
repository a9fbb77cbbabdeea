package load

import (
	"fmt"
	"path"
	"reflect"

	kubejson "sigs.k8s.io/json"

	"keelway.dev/keelway/internal/config/document"
)

// embed checks a document of another kind that stands below a field, or in a
// file that is named, and leaves it below the field.
func (r *reader) embed(at string, raw *[]byte, name *string, version, kind string, t reflect.Type) {
	if string(*raw) == "null" {
		*raw = nil
	}
	switch {
	case *raw != nil && *name != "":
		r.fail(at, "keep one", "config and configFile exclude each other")
	case *name != "":
		if *raw = r.read(at+".configFile", *name, version, kind, t); *raw != nil {
			*name = ""
		}
	case *raw != nil:
		r.kind(at+".config", *raw, version, kind)
		r.typed(at+".config", *raw, t)
	}
}

// kind refuses a document that says it is something else.
func (r *reader) kind(at string, raw []byte, version, kind string) {
	var meta struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	err := kubejson.UnmarshalCaseSensitivePreserveInts(raw, &meta)
	if err == nil && (meta.Kind != "" && meta.Kind != kind || meta.APIVersion != "" && meta.APIVersion != version) {
		r.fail(at, "", "it is a %s of %s, and should be a %s of %s", meta.Kind, meta.APIVersion, kind, version)
	}
}

// typed refuses what the types of the embedded document cannot hold.
func (r *reader) typed(at string, raw []byte, t reflect.Type) {
	if err := kubejson.UnmarshalCaseSensitivePreserveInts(raw, reflect.New(t).Interface()); err != nil {
		r.fail(at, "", "%v", err)
	}
}

// read is a document in another file, as JSON; nil after a problem.
func (r *reader) read(at, name, version, kind string, t reflect.Type) []byte {
	if r.options.ReadFile == nil {
		r.fail(at, "embed the document", "other files cannot be read here")
		return nil
	}
	full := from(path.Dir(r.name), name)
	text, err := r.options.ReadFile(full)
	if err != nil {
		r.fail(at, "", "%v", err)
		return nil
	}
	inner := reader{name: full}
	documents, broken := document.Split(full, text)
	for _, p := range broken {
		inner.problems = append(inner.problems, Problem{Problem: p})
	}
	for _, d := range documents {
		inner.document = d
		inner.kind("", d.JSON, version, kind)
		if len(inner.problems) == 0 {
			inner.shape("", t)
		}
		if len(inner.problems) == 0 {
			inner.typed("", d.JSON, t)
		}
	}
	if len(documents) != 1 && len(inner.problems) == 0 {
		inner.problems = append(inner.problems, Problem{Problem: document.Problem{File: full, Message: fmt.Sprintf("it holds %d documents, and should hold one %s", len(documents), kind)}})
	}
	r.problems = append(r.problems, inner.problems...)
	if len(inner.problems) > 0 {
		return nil
	}
	return documents[0].JSON
}
