package diff

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/access"
	"keelway.dev/keelway/internal/observed"
)

// ofObject compares an object with what is there of the fields that are wanted:
// the others are the server's and others' own.
func ofObject(o desired.Object, before map[string]*unstructured.Unstructured) Diff {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o.Object)
	if err != nil {
		return Diff{}
	}
	u := unstructured.Unstructured{Object: content}
	have := before[observed.ObjectKey(u.GetKind(), u.GetNamespace(), u.GetName())]
	d := Diff{Name: name(u), New: have == nil}
	if u.GetKind() == "Secret" {
		d.Hidden = "its content is secret"
		return d
	}
	drop(content)
	if o.KeepReplicas {
		unstructured.RemoveNestedField(content, "spec", "replicas")
	}
	if d.New {
		d.Text = unified(d.Name, false, "", written(content))
		return d
	}
	if n, ok := o.Object.(*corev1.Node); ok {
		d.Text = ofNode(d.Name, n, have.Object)
		return d
	}
	d.Text = unified(d.Name, true, written(common(content, have.Object)), written(content))
	return d
}

func name(u unstructured.Unstructured) string {
	if u.GetNamespace() == "" {
		return u.GetKind() + "/" + u.GetName()
	}
	return u.GetKind() + "/" + u.GetNamespace() + "/" + u.GetName()
}

func written(content any) string {
	text, err := yaml.Marshal(content)
	if err != nil || string(text) == "{}\n" { // nothing is no line
		return ""
	}
	return string(text)
}

// drop takes out what asks for nothing.
func drop(content map[string]any) {
	delete(content, "status")
	for key, value := range content {
		switch v := value.(type) {
		case nil:
			delete(content, key)
		case map[string]any:
			if drop(v); len(v) == 0 {
				delete(content, key)
			}
		case []any:
			for _, one := range v {
				if m, ok := one.(map[string]any); ok {
					drop(m)
				}
			}
		}
	}
}

// common is what have holds of the fields of want.
func common(want, have any) any {
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			return have
		}
		both := map[string]any{}
		for key := range w {
			if value, there := h[key]; there {
				both[key] = common(w[key], value)
			}
		}
		return both
	case []any:
		h, ok := have.([]any)
		if !ok || len(h) != len(w) {
			return have
		}
		both := make([]any, len(h))
		for i := range h {
			both[i] = common(w[i], h[i])
		}
		return both
	}
	return have
}

// ofNode compares labels and taints: those that are wanted, and those that are
// taken off.
func ofNode(name string, want *corev1.Node, content map[string]any) string {
	var have corev1.Node
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &have); err != nil {
		return ""
	}
	type marks struct {
		Labels map[string]string `json:"labels,omitempty"`
		Taints []string          `json:"taints,omitempty"`
	}
	off, taintsOff := access.Outdated(want, &have)
	var before marks
	after := marks{Labels: want.Labels}
	before.Labels = maps.Clone(have.Labels)
	maps.DeleteFunc(before.Labels, func(key, _ string) bool {
		_, wanted := want.Labels[key]
		return !wanted && !slices.Contains(off, key)
	})
	for _, t := range have.Spec.Taints {
		same := func(o corev1.Taint) bool { return o.MatchTaint(&t) }
		if slices.ContainsFunc(want.Spec.Taints, same) || slices.ContainsFunc(taintsOff, same) {
			before.Taints = append(before.Taints, t.ToString())
		}
	}
	for _, t := range want.Spec.Taints {
		after.Taints = append(after.Taints, t.ToString())
	}
	return unified(name, true, written(before), written(after))
}
