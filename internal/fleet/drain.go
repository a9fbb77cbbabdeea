package fleet

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"keelway.dev/keelway/internal/kube"
)

// drainLimit is how long pods may take to go, disruption budgets included.
const drainLimit = 3 * time.Minute

// drain keeps new pods off a node and evicts those that can run elsewhere. A
// node that does not answer is not waited for.
func drain(ctx context.Context, c *kube.Client, l Leftover, say func(string)) error {
	patch := []byte(`{"spec":{"unschedulable":true}}`)
	if _, err := c.Typed.CoreV1().Nodes().Patch(ctx, l.Node, types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return err
	}
	if !l.Ready {
		say("the node does not answer: its pods are not waited for")
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, drainLimit)
	defer cancel()
	for {
		pods, err := c.Typed.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + l.Node})
		if err != nil {
			return err
		}
		var stay string
		for _, p := range pods.Items {
			if !evictable(p) {
				continue
			}
			stay = p.Namespace + "/" + p.Name
			err := c.Typed.PolicyV1().Evictions(p.Namespace).Evict(ctx, &policy.Eviction{ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace}})
			switch {
			case err == nil || apierrors.IsNotFound(err):
			case apierrors.IsTooManyRequests(err):
				stay += ": " + err.Error()
			default:
				return fmt.Errorf("cannot evict %s/%s: %w", p.Namespace, p.Name, err)
			}
		}
		if stay == "" {
			return nil
		}
		say("waiting for " + stay)
		select {
		case <-ctx.Done():
			return fmt.Errorf("pods did not go within %s, the last was %s; a PodDisruptionBudget may hold it: let its workload grow, or delete the pod, then run this again", drainLimit, stay)
		case <-time.After(time.Second):
		}
	}
}

// evictable leaves out what would come back or cannot be evicted: static pods,
// those of DaemonSets, and pods that have ended.
func evictable(p corev1.Pod) bool {
	if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed || p.Annotations[corev1.MirrorPodAnnotationKey] != "" {
		return false
	}
	owner := metav1.GetControllerOf(&p)
	return owner == nil || owner.Kind != "DaemonSet"
}
