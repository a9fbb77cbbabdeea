package step

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/kube"
)

// retryAPI is how long an object is tried again while the API server answers
// that it is not ready for it, and retryEtcd while it has no answer. Where etcd's
// flags have changed, that is about a minute: the kubelet first deletes the pod's
// mirror, by the API that has no etcd until then.
const (
	retryAPI  = 60 * time.Second
	retryEtcd = 4 * time.Minute
)

// objects writes API objects in order: each is created, or replaced when it exists.
func (r *Runner) objects(ctx context.Context, objects []desired.Object) error {
	client, err := r.Client(ctx)
	if err != nil {
		return err
	}
	for _, o := range objects {
		began := r.Now()
		for {
			err := r.writeObject(ctx, client, o)
			if err == nil {
				break
			}
			if !passing(err) || r.Now().Sub(began) > patience(err) {
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

// patience is how long an error may last.
func patience(err error) time.Duration {
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return retryAPI
	}
	return retryEtcd
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
	// Of a Service that exists, the server says that its own address is taken
	// before it says that its name is.
	invalid := apierrors.IsInvalid(err)
	if !apierrors.IsAlreadyExists(err) && !invalid {
		return err
	}
	have, missing := api.Get(ctx, m.GetName(), metav1.GetOptions{})
	switch {
	case invalid && apierrors.IsNotFound(missing):
		return err
	case missing != nil:
		return missing
	case o.Keep:
		return nil
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
