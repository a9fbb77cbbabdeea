// Package schema says of every field of a cluster file what it is: a JSON Schema for editors, and the reference for people.
package schema

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/config/document"
)

// meaning is what the comment of a field says.
type meaning struct {
	// text is without the default, and without the name that it begins with.
	text, standard string
}

// comments are the meanings by "Type" and "Type.Field".
type comments map[string]meaning

// read takes the comments from the text of the types themselves, so that there
// is one description of a field and no other can grow old.
func read() (comments, error) {
	found := comments{}
	for _, source := range []string{file.Source, file.HostSource} {
		parsed, err := parser.ParseFile(token.NewFileSet(), "", source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("the text of the cluster file's types is damaged: %w", err)
		}
		for _, d := range parsed.Decls {
			general, ok := d.(*ast.GenDecl)
			if !ok || general.Tok != token.TYPE {
				continue
			}
			for _, s := range general.Specs {
				found.add(general.Doc.Text(), s.(*ast.TypeSpec))
			}
		}
	}
	return found, nil
}

func (c comments) add(doc string, t *ast.TypeSpec) {
	c[t.Name.Name] = parse(t.Name.Name, doc)
	fields, ok := t.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range fields.Fields.List {
		for _, name := range f.Names {
			c[t.Name.Name+"."+name.Name] = parse(name.Name, f.Doc.Text())
		}
	}
}

// of is the meaning of a field: its own, or else that of its type.
func (c comments) of(f document.Field) meaning {
	m := c[f.Owner.Name()+"."+f.Go]
	if m.text == "" {
		m.text = c[element(f.Type).Name()].text
	}
	return m
}

// element is what a type points to, or is a list or map of.
func element(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice && t.Name() == "" || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t
}

var standard = regexp.MustCompile(`(?s)\s*Default: (.*)\.$`)

// parse cuts a comment in two: `Port is where it listens. Default: 22.` means
// "Where it listens.", by default 22.
func parse(name, doc string) meaning {
	doc = strings.Join(strings.Fields(doc), " ")
	var m meaning
	if found := standard.FindStringSubmatchIndex(doc); found != nil {
		m.standard = doc[found[2]:found[3]]
		doc = doc[:found[0]]
	}
	doc = strings.TrimPrefix(doc, name+" ")
	for _, verb := range []string{"is ", "are "} {
		if rest, ok := strings.CutPrefix(doc, verb); ok {
			doc = rest
			break
		}
	}
	first, size := utf8.DecodeRuneInString(doc)
	if size > 0 && !strings.HasPrefix(doc, "kubeadm") {
		doc = string(unicode.ToUpper(first)) + doc[size:]
	}
	m.text = doc
	return m
}
