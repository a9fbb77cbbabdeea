package step

import (
	"context"
	"encoding/json"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"keelway.dev/keelway/internal/desired/access"
	"keelway.dev/keelway/internal/kube"
)

// markNode sets labels, annotations and taints on an existing Node, takes off
// those that the cluster file gave before, and leaves all others.
func markNode(ctx context.Context, client *kube.Client, want *corev1.Node) error {
	have, err := client.Typed.CoreV1().Nodes().Get(ctx, want.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	outdated, off := access.Outdated(want, have)
	meta := map[string]any{}
	if labels := map[string]any{}; len(want.Labels)+len(outdated) > 0 {
		for key, value := range want.Labels {
			labels[key] = value
		}
		for _, key := range outdated {
			labels[key] = nil // removes it
		}
		meta["labels"] = labels
	}
	if len(want.Annotations) > 0 { // a null would remove what others have set
		meta["annotations"] = want.Annotations
	}
	patch := map[string]any{"metadata": meta}
	if taints := mergeTaints(have.Spec.Taints, want.Spec.Taints, off); !equality.Semantic.DeepEqual(taints, have.Spec.Taints) {
		patch["spec"] = map[string]any{"taints": taints}
		// The list is replaced whole, so the version guards against another writer.
		meta["resourceVersion"] = have.ResourceVersion
	}
	data, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	_, err = client.Typed.CoreV1().Nodes().Patch(ctx, want.Name, types.MergePatchType, data, metav1.PatchOptions{})
	return err
}

// mergeTaints is what a Node has, with the wanted taints and without those to be
// taken off. Key and effect say whether two are the same.
func mergeTaints(have, want, off []corev1.Taint) []corev1.Taint {
	merged := []corev1.Taint{} // a null would be no change
	for _, t := range have {
		if !slices.ContainsFunc(off, func(o corev1.Taint) bool { return o.MatchTaint(&t) }) {
			merged = append(merged, t)
		}
	}
	for _, w := range want {
		i := slices.IndexFunc(merged, func(t corev1.Taint) bool { return t.MatchTaint(&w) })
		switch {
		case i < 0:
			merged = append(merged, w)
		case merged[i].Value != w.Value:
			merged[i] = w
		}
	}
	return merged
}
