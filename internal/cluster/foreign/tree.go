package foreign

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// tree is what is left of a document: what is carried over is taken out of it,
// so that nothing can be forgotten.
type tree map[string]any

// take removes the value at a path of names, and returns it.
func (t tree) take(path string) any {
	name, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		value := t[name]
		delete(t, name)
		return value
	}
	below, ok := t[name].(map[string]any)
	if !ok {
		return nil
	}
	value := tree(below).take(rest)
	if len(below) == 0 {
		delete(t, name)
	}
	return value
}

// text takes a text; a number or a boolean is written out.
func (t tree) text(path string) string { return word(t.take(path)) }

// word writes out a value; a list or a map is none.
func word(value any) string {
	switch v := value.(type) {
	case nil, map[string]any, []any:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return strings.TrimSpace(fmt.Sprint(v))
	}
}

func (t tree) yes(path string) bool {
	value, _ := t.take(path).(bool)
	return value
}

func (t tree) list(path string) []any {
	value, _ := t.take(path).([]any)
	return value
}

// sub takes a map.
func (t tree) sub(path string) tree {
	value, _ := t.take(path).(map[string]any)
	return value
}

// rest notes all that is left, leaf by leaf.
func (t tree) rest(m *Imported, file, prefix, why string) {
	for _, name := range slices.Sorted(maps.Keys(t)) {
		path := name
		if prefix != "" {
			path = prefix + "." + name
		}
		if below, ok := t[name].(map[string]any); ok && len(below) > 0 {
			tree(below).rest(m, file, path, why)
		} else if !empty(t[name]) {
			m.leave(file, path, "%s", why)
		}
	}
}

// empty is a value that asks for nothing.
func empty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// texts makes a list of texts of a list, or of one text with commas.
func texts(value any) []string {
	var list []string
	switch v := value.(type) {
	case string:
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
	case []any:
		for _, item := range v {
			list = append(list, word(item))
		}
	}
	return list
}
