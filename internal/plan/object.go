package plan

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/access"
	"keelway.dev/keelway/internal/observed"
)

func (d decider) objects(r desired.Resource) verdict {
	v := verdict{left: r}
	v.left.Objects = nil
	for _, o := range r.Objects {
		want, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o.Object)
		if err != nil {
			return verdict{refusal: fmt.Sprintf("%s: %v; this is a defect of keelway", r.ID, err)}
		}
		u := unstructured.Unstructured{Object: want}
		key := observed.ObjectKey(u.GetKind(), u.GetNamespace(), u.GetName())
		have := d.seen.Objects[key]
		switch {
		case have == nil:
			v.say(false, key+" is missing")
		case o.Keep:
			continue
		default:
			if o.KeepReplicas {
				unstructured.RemoveNestedField(want, "spec", "replicas")
			}
			why := ""
			if n, ok := o.Object.(*corev1.Node); ok {
				dropTaints(want, have.Object)
				why = outdated(n, have.Object)
			}
			if where := Difference(want, have.Object); where != "" && why == "" {
				why = " differs at " + where
			}
			if why == "" {
				continue
			}
			v.say(true, key+why)
		}
		v.left.Objects = append(v.left.Objects, o)
		v.before.object(key, have)
		v.by(d.objectOrigin(o)...)
	}
	return v
}

// outdated says what the cluster file gave a Node and no longer names.
func outdated(want *corev1.Node, have map[string]any) string {
	var n corev1.Node
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(have, &n); err != nil {
		return " cannot be read: " + err.Error()
	}
	labels, taints := access.Outdated(want, &n)
	for _, t := range taints {
		labels = append(labels, t.Key+":"+string(t.Effect))
	}
	if len(labels) == 0 {
		return ""
	}
	return " has " + strings.Join(labels, ", ") + ", which the cluster file gave it and no longer names"
}

// dropTaints takes out of a wanted Node the taints that the Node has: the
// cluster puts others beside them and takes them off again, such as not-ready.
func dropTaints(want, have map[string]any) {
	taints, _, _ := unstructured.NestedSlice(want, "spec", "taints")
	present, _, _ := unstructured.NestedSlice(have, "spec", "taints")
	missing := slices.DeleteFunc(taints, func(w any) bool {
		return slices.ContainsFunc(present, func(h any) bool { return differs(w, h) == "-" })
	})
	if len(missing) == 0 {
		unstructured.RemoveNestedField(want, "spec", "taints")
	}
}

// Difference returns the path of the first field of want that have lacks or
// holds otherwise, or "". Fields that only have knows are the server's and
// others' own. Empty values and nulls in want ask for nothing.
func Difference(want, have map[string]any) string {
	for _, key := range sortedKeys(want) {
		if key == "status" || key == "creationTimestamp" {
			continue
		}
		if where := differs(want[key], have[key]); where != "-" {
			return join(key, where)
		}
	}
	return ""
}

// differs returns "-" where want is held by have, else the path below.
func differs(want, have any) string {
	switch w := want.(type) {
	case nil:
		return "-"
	case map[string]any:
		h, _ := have.(map[string]any)
		for _, key := range sortedKeys(w) {
			if key == "creationTimestamp" {
				continue
			}
			if where := differs(w[key], h[key]); where != "-" {
				return join(key, where)
			}
		}
		return "-"
	case []any:
		h, _ := have.([]any)
		if len(w) != len(h) {
			return ""
		}
		for i := range w {
			if where := differs(w[i], h[i]); where != "-" {
				return join(fmt.Sprintf("[%d]", i), where)
			}
		}
		return "-"
	}
	if have == nil && reflect.ValueOf(want).IsZero() {
		return "-"
	}
	if !reflect.DeepEqual(normal(want), normal(have)) {
		return ""
	}
	return "-"
}

// normal makes numbers comparable however they were decoded.
func normal(v any) any {
	switch n := v.(type) {
	case int:
		return int64(n)
	case int32:
		return int64(n)
	case float64:
		if n == float64(int64(n)) {
			return int64(n)
		}
	}
	return v
}

func join(a, b string) string {
	switch {
	case b == "":
		return a
	case b[0] == '[':
		return a + b
	}
	return a + "." + b
}
