package document

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	node "go.yaml.in/yaml/v3"
	kubejson "sigs.k8s.io/json"
)

// Shape holds a document, or the part of it at a path, against a Go type, and
// finds every field that the type does not have and every value of another
// kind: a decoder stops at the first.
func (d Document) Shape(path string, into reflect.Type) []Problem {
	at := d.root()
	for _, part := range pathPart.FindAllString(path, -1) {
		if at == nil {
			return nil
		}
		at, _ = child(at, part)
	}
	if at == nil {
		return nil
	}
	s := shape{document: d, seen: map[*node.Node]bool{}}
	s.value(at, path, into)
	return s.problems
}

type shape struct {
	document Document
	problems []Problem
	// seen are the targets of aliases that were looked at: once is enough.
	seen map[*node.Node]bool
}

func (s *shape) fail(at *node.Node, path, format string, args ...any) {
	s.problems = append(s.problems, Problem{
		File: s.document.File, Line: s.document.begin + at.Line - 1, Kind: s.document.Kind, Path: path, Message: fmt.Sprintf(format, args...),
	})
}

func (s *shape) value(at *node.Node, path string, t reflect.Type) {
	if at.Kind == node.AliasNode {
		if s.seen[at.Alias] {
			return
		}
		s.seen[at.Alias] = true
		at = at.Alias
	}
	if at.Tag == "!!null" {
		return // it stands for the default
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		s.own(at, path, t)
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		if s.is(at, path, node.MappingNode, "a map of fields") {
			s.fields(at, path, t)
		}
	case reflect.Map:
		if s.is(at, path, node.MappingNode, "a map of names and values") {
			for i := 0; i+1 < len(at.Content); i += 2 {
				s.value(at.Content[i+1], join(path, at.Content[i].Value), t.Elem())
			}
		}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 { // bytes are written in base64
			s.own(at, path, t)
		} else if s.is(at, path, node.SequenceNode, "a list") {
			for i, item := range at.Content {
				s.value(item, fmt.Sprintf("%s[%d]", path, i), t.Elem())
			}
		}
	case reflect.Interface:
	default:
		s.scalar(at, path, t)
	}
}

// is says that a value is not what it should be.
func (s *shape) is(at *node.Node, path string, want node.Kind, words string) bool {
	if at.Kind == want {
		return true
	}
	s.fail(at, path, "it should be %s, and is %s", words, kind(at))
	return false
}

func (s *shape) fields(at *node.Node, path string, t reflect.Type) {
	known := Fields(t)
	for i := 0; i+1 < len(at.Content); i += 2 {
		name, value := at.Content[i], at.Content[i+1]
		if name.Tag == "!!merge" {
			s.value(value, path, t)
			continue
		}
		found := false
		var names []string
		for _, f := range known {
			names = append(names, f.Name)
			if f.Name == name.Value {
				found = true
				s.value(value, join(path, f.Name), f.Type)
			}
		}
		if !found {
			s.fail(name, join(path, name.Value), "there is no such field%s", DidYouMean(name.Value, names))
		}
	}
}

func (s *shape) scalar(at *node.Node, path string, t reflect.Type) {
	var want string
	var fits bool
	switch t.Kind() {
	case reflect.String:
		want, fits = "a text", at.Tag == "!!str" || at.Tag == "!!timestamp" || at.Tag == "!!binary"
	case reflect.Bool:
		want, fits = "true or false", at.Tag == "!!bool"
	case reflect.Float32, reflect.Float64:
		want, fits = "a number", at.Tag == "!!int" || at.Tag == "!!float"
	default:
		want, fits = "a whole number", at.Tag == "!!int"
	}
	switch {
	case at.Kind == node.ScalarNode && fits:
	case at.Kind == node.ScalarNode && t.Kind() == reflect.String:
		s.fail(at, path, "it should be a text, and is %s: put it in quotes", kind(at))
	default:
		s.fail(at, path, "it should be %s, and is %s", want, kind(at))
	}
}

// own decodes a value that has a decoder of its own, such as a duration.
func (s *shape) own(at *node.Node, path string, t reflect.Type) {
	var value any
	if err := at.Decode(&value); err != nil {
		s.fail(at, path, "%v", err)
		return
	}
	text, err := json.Marshal(value)
	if err == nil {
		err = kubejson.UnmarshalCaseSensitivePreserveInts(text, reflect.New(t).Interface())
	}
	if err != nil {
		s.fail(at, path, "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
}

func kind(at *node.Node) string {
	switch at.Kind {
	case node.MappingNode:
		return "a map"
	case node.SequenceNode:
		return "a list"
	}
	switch at.Tag {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	}
	return "a text"
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
