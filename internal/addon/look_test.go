package addon

import (
	"testing"
)

// TestDifference: what the server writes is none, a value is never shown, and a
// field that only one side has counts.
func TestDifference(t *testing.T) {
	t.Parallel()
	object := func(history string, spec any) map[string]any {
		return essence(map[string]any{
			"kind":     "Secret",
			"metadata": map[string]any{"name": "a", "resourceVersion": history, "generation": history, "managedFields": []any{history}},
			"spec":     spec,
			"status":   history,
		})
	}
	for _, row := range []struct {
		name   string
		a, b   any
		where  string
		differ bool
	}{
		{"the same", map[string]any{"a": int64(1)}, map[string]any{"a": int64(1)}, "", false},
		{"a value", map[string]any{"a": "secret"}, map[string]any{"a": "other"}, "spec.a", true},
		{"more", map[string]any{"a": "x"}, map[string]any{"a": "x", "b": "y"}, "spec.b", true},
		{"less", map[string]any{"a": "x", "b": "y"}, map[string]any{"a": "x"}, "spec.b", true},
		{"in a list", map[string]any{"l": []any{"x", map[string]any{"y": "1"}}}, map[string]any{"l": []any{"x", map[string]any{"y": "2"}}}, "spec.l[1].y", true},
		{"a longer list", map[string]any{"l": []any{"x"}}, map[string]any{"l": []any{"x", "y"}}, "spec.l", true},
		{"another kind of value", map[string]any{"l": "x"}, map[string]any{"l": map[string]any{}}, "spec.l", true},
	} {
		where, differ := difference(object("1", row.a), object("2", row.b))
		if where != row.where || differ != row.differ {
			t.Errorf("%s: %q %t, want %q %t", row.name, where, differ, row.where, row.differ)
		}
	}
}
