package step

import (
	"maps"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired/access"
	"keelway.dev/keelway/internal/kube"
)

// TestMarkNode: what others have set on a Node stays.
func TestMarkNode(t *testing.T) {
	other := corev1.Taint{Key: "theirs", Effect: corev1.TaintEffectNoExecute}
	have := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n", Labels: map[string]string{"theirs": "a"}, Annotations: map[string]string{"theirs": "b"}},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{other}},
	}
	client := &kube.Client{Typed: fake.NewClientset(have)}
	own := corev1.Taint{Key: "ours", Effect: corev1.TaintEffectNoSchedule}
	want := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n", Labels: map[string]string{"ours": ""}},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{own}},
	}
	if err := markNode(t.Context(), client, want); err != nil {
		t.Fatal(err)
	}
	n, err := client.Typed.CoreV1().Nodes().Get(t.Context(), "n", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n.Labels["theirs"] != "a" || n.Annotations["theirs"] != "b" || len(n.Spec.Taints) != 2 || n.Spec.Taints[0] != other {
		t.Errorf("what others have set is gone: %v %v %v", n.Labels, n.Annotations, n.Spec.Taints)
	}
	if _, ok := n.Labels["ours"]; !ok {
		t.Errorf("the label is not there: %v", n.Labels)
	}
}

// TestMarkNodeTakesOff: what the cluster file gave before goes, with a taint's
// old value, and what others gave stays.
func TestMarkNodeTakesOff(t *testing.T) {
	node := func(labels map[string]string, taints ...corev1.Taint) *corev1.Node {
		h := cluster.Host{Labels: labels, Marked: true}
		h.Init.NodeRegistration.Name, h.Init.NodeRegistration.Taints = "n", taints
		return access.Node(h)
	}
	gpu := func(value string) corev1.Taint {
		return corev1.Taint{Key: "gpu", Value: value, Effect: corev1.TaintEffectNoSchedule}
	}
	have := node(map[string]string{"zone": "east", "disk": "ssd"}, gpu("a"), corev1.Taint{Key: "batch", Effect: corev1.TaintEffectNoExecute})
	have.Labels["theirs"] = "x"
	notReady := corev1.Taint{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoExecute}
	have.Spec.Taints = append(have.Spec.Taints, notReady)
	client := &kube.Client{Typed: fake.NewClientset(have)}
	for _, row := range []struct {
		want   *corev1.Node
		labels map[string]string
		taints []corev1.Taint
	}{
		{node(map[string]string{"zone": "west"}, gpu("b")), map[string]string{"zone": "west", "theirs": "x"}, []corev1.Taint{gpu("b"), notReady}},
		{node(nil), map[string]string{"theirs": "x"}, []corev1.Taint{notReady}},
	} {
		if err := markNode(t.Context(), client, row.want); err != nil {
			t.Fatal(err)
		}
		n, err := client.Typed.CoreV1().Nodes().Get(t.Context(), "n", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(n.Labels, row.labels) || !slices.Equal(n.Spec.Taints, row.taints) {
			t.Errorf("%v %v, want %v %v", n.Labels, n.Spec.Taints, row.labels, row.taints)
		}
		if n.Annotations[access.MarksAnnotation] != row.want.Annotations[access.MarksAnnotation] {
			t.Errorf("what was set is not remembered: %v", n.Annotations)
		}
	}
}
