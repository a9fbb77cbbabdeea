package access

import (
	"encoding/json"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// MarksAnnotation remembers on a Node which labels and taints the cluster file
// gave it, so that those that the file no longer names can be told from others'.
const MarksAnnotation = "keelway.dev/marks"

// marks are the names of what a cluster file gave a Node.
type marks struct {
	Labels []string `json:"labels,omitempty"`
	// Taints are "key:effect".
	Taints []string `json:"taints,omitempty"`
}

func marksOf(n *corev1.Node) marks {
	m := marks{Labels: slices.Sorted(maps.Keys(n.Labels))}
	for _, t := range n.Spec.Taints {
		m.Taints = append(m.Taints, taintName(t))
	}
	slices.Sort(m.Taints)
	return m
}

func taintName(t corev1.Taint) string { return t.Key + ":" + string(t.Effect) }

// remember puts the names of all labels and taints of a desired Node into it.
func remember(n *corev1.Node) {
	text, _ := json.Marshal(marksOf(n)) // strings are always JSON
	n.Annotations = map[string]string{MarksAnnotation: string(text)}
}

// Outdated are the labels and taints of a Node that a cluster file gave it
// before, and that are not wanted any more. A Node that is not of a cluster file
// has none.
func Outdated(want, have *corev1.Node) (labels []string, taints []corev1.Taint) {
	var before marks
	if want.Annotations[MarksAnnotation] == "" || json.Unmarshal([]byte(have.Annotations[MarksAnnotation]), &before) != nil {
		return nil, nil
	}
	now := marksOf(want)
	for _, key := range before.Labels {
		if _, there := have.Labels[key]; there && !slices.Contains(now.Labels, key) {
			labels = append(labels, key)
		}
	}
	for _, t := range have.Spec.Taints {
		if name := taintName(t); slices.Contains(before.Taints, name) && !slices.Contains(now.Taints, name) {
			taints = append(taints, t)
		}
	}
	return labels, taints
}
