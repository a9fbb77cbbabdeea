package access

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/cluster"
)

// TestOutdated: what a cluster file gave a Node and no longer names is told from
// what others gave it, and from what is wanted still.
func TestOutdated(t *testing.T) {
	node := func(marked bool, labels map[string]string, taints ...string) *corev1.Node {
		h := cluster.Host{Labels: labels, Marked: marked}
		for _, key := range taints {
			h.Init.NodeRegistration.Taints = append(h.Init.NodeRegistration.Taints, corev1.Taint{Key: key, Effect: corev1.TaintEffectNoSchedule})
		}
		return Node(h)
	}
	have := node(true, map[string]string{"zone": "east", "disk": "ssd", "gone": ""}, "gpu", "batch")
	delete(have.Labels, "gone") // by hand
	have.Labels["theirs"] = "x"
	have.Spec.Taints = append(have.Spec.Taints, corev1.Taint{Key: "gpu", Effect: corev1.TaintEffectNoExecute})
	damaged := have.DeepCopy()
	damaged.Annotations[MarksAnnotation] = "{"
	for _, row := range []struct {
		name           string
		want, have     *corev1.Node
		labels, taints []string
	}{
		{"the same", node(true, map[string]string{"zone": "west", "disk": "ssd"}, "gpu", "batch"), have, nil, nil},
		{"fewer", node(true, map[string]string{"zone": "east"}, "batch"), have, []string{"disk"}, []string{"gpu:NoSchedule"}},
		{"none", node(true, nil), have, []string{"disk", "zone"}, []string{"gpu:NoSchedule", "batch:NoSchedule"}},
		{"not of a cluster file", node(false, nil), have, nil, nil},
		{"nothing is remembered", node(true, nil), damaged, nil, nil},
	} {
		labels, off := Outdated(row.want, row.have)
		var taints []string
		for _, o := range off {
			taints = append(taints, taintName(o))
		}
		if !slices.Equal(labels, row.labels) || !slices.Equal(taints, row.taints) {
			t.Errorf("%s: %q %q, want %q %q", row.name, labels, taints, row.labels, row.taints)
		}
	}
}
