package step

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/kube"
)

// retryAPI is how long an object is tried again while the API server answers
// that it is not ready for it.
const retryAPI = 60 * time.Second

// objects writes API objects in order: each is created, or replaced when it exists.
func (r *Runner) objects(ctx context.Context, objects []desired.Object) error {
	client, err := r.Client(ctx)
	if err != nil {
		return err
	}
	for _, o := range objects {
		deadline := r.Now().Add(retryAPI)
		for {
			err := r.writeObject(ctx, client, o)
			if err == nil {
				break
			}
			if !passing(err) || r.Now().After(deadline) {
				kind := o.Object.GetObjectKind().GroupVersionKind().Kind
				_, m, _ := kube.Locate(o.Object)
				return fmt.Errorf("cannot write %s %s/%s: %w", kind, m.GetNamespace(), m.GetName(), err)
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	return nil
}

// passing is true for the errors of a server that is still starting or busy.
func passing(err error) bool {
	return apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err) || apierrors.IsConflict(err) ||
		apierrors.IsNotFound(err) || // a system namespace or the Service range, in the API's first second
		utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) || utilnet.IsProbableEOF(err) || utilnet.IsTimeout(err)
}

func (r *Runner) writeObject(ctx context.Context, client *kube.Client, o desired.Object) error {
	if n, ok := o.Object.(*corev1.Node); ok {
		return markNode(ctx, client, n)
	}
	res, m, err := kube.Locate(o.Object)
	if err != nil {
		return err
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o.Object)
	if err != nil {
		return err
	}
	u := &unstructured.Unstructured{Object: content}
	if o.Embed != nil {
		file, err := r.read(ctx, o.Embed.Path)
		if err != nil {
			return err
		}
		embed(content, o.Embed.Placeholder, base64.StdEncoding.EncodeToString(file))
	}
	unstructured.RemoveNestedField(content, "status")
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	api := client.Resource(res, m.GetNamespace())
	_, err = api.Create(ctx, u, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) || o.Keep {
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
		return err
	}
	have, err := api.Get(ctx, m.GetName(), metav1.GetOptions{})
	if err != nil {
		return err
	}
	u.SetResourceVersion(have.GetResourceVersion())
	if o.KeepReplicas {
		if n, ok, _ := unstructured.NestedInt64(have.Object, "spec", "replicas"); ok {
			_ = unstructured.SetNestedField(content, n, "spec", "replicas")
		}
	}
	keepAllocated(content, have.Object)
	_, err = api.Update(ctx, u, metav1.UpdateOptions{})
	return err
}

// embed puts text in place of a placeholder, wherever a string holds it.
func embed(in map[string]any, placeholder, text string) {
	for key, value := range in {
		switch v := value.(type) {
		case string:
			in[key] = strings.ReplaceAll(v, placeholder, text)
		case map[string]any:
			embed(v, placeholder, text)
		}
	}
}

// keepAllocated carries over what the server gave the object and does not let
// a replacement drop.
func keepAllocated(want, have map[string]any) {
	for _, field := range [][]string{{"spec", "clusterIP"}, {"spec", "clusterIPs"}, {"spec", "healthCheckNodePort"}} {
		if _, set, _ := unstructured.NestedFieldNoCopy(want, field...); set {
			continue
		}
		if v, ok, _ := unstructured.NestedFieldCopy(have, field...); ok {
			_ = unstructured.SetNestedField(want, v, field...)
		}
	}
}

// markNode sets labels, annotations and taints on an existing Node, and
// leaves all others.
func markNode(ctx context.Context, client *kube.Client, want *corev1.Node) error {
	have, err := client.Typed.CoreV1().Nodes().Get(ctx, want.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	// A null would remove what others have set.
	meta := map[string]any{}
	if len(want.Labels) > 0 {
		meta["labels"] = want.Labels
	}
	if len(want.Annotations) > 0 {
		meta["annotations"] = want.Annotations
	}
	patch := map[string]any{"metadata": meta}
	if taints := mergeTaints(have.Spec.Taints, want.Spec.Taints); len(taints) != len(have.Spec.Taints) {
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

func mergeTaints(have, want []corev1.Taint) []corev1.Taint {
	merged := append([]corev1.Taint{}, have...)
	for _, w := range want {
		found := false
		for _, h := range have {
			found = found || h.MatchTaint(&w)
		}
		if !found {
			merged = append(merged, w)
		}
	}
	return merged
}
