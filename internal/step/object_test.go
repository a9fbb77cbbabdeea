package step

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

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
