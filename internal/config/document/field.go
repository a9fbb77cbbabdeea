package document

import (
	"cmp"
	"reflect"
	"strings"

	"keelway.dev/keelway/internal/spell"
)

// Field is one field of a Go type, by the name that files have for it.
type Field struct {
	Name string
	Type reflect.Type
	// Go is the field's name in Go, Owner the type that declares it.
	Go    string
	Owner reflect.Type
	// Optional is true where the tag says omitempty.
	Optional bool
}

// Fields lists the fields of a struct in their order, those of embedded ones
// among them.
func Fields(t reflect.Type) []Field {
	var fields []Field
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case f.Anonymous && name == "":
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			fields = append(fields, Fields(inner)...)
		default:
			fields = append(fields, Field{cmp.Or(name, f.Name), f.Type, f.Name, t, strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")})
		}
	}
	return fields
}

// DidYouMean is `: did you mean "x"?` for the known name that is nearest to a
// wrong one, or "" where none is near.
func DidYouMean(wrong string, known []string) string {
	best, least := "", len(wrong)/3+2
	if len(wrong) > 64 {
		return "" // names of fields are short: a long one is no misspelling
	}
	for _, name := range known {
		if d := spell.Distance(strings.ToLower(wrong), strings.ToLower(name)); d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return `: did you mean "` + best + `"?`
}
