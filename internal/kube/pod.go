package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
)

// ErrPodFailed is a pod that ended badly.
var ErrPodFailed = errors.New("the pod failed")

// PodReady says whether a pod is ready.
func PodReady(p *corev1.Pod) (bool, error) {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return true, nil
		}
	}
	return false, nil
}

// PodEnded says whether a pod did its work; ErrPodFailed when it never will.
func PodEnded(p *corev1.Pod) (bool, error) {
	switch p.Status.Phase {
	case corev1.PodSucceeded:
		return true, nil
	case corev1.PodFailed:
		return false, ErrPodFailed
	}
	return false, nil
}

// DescribePod says where a pod stands, in the kubelet's and the scheduler's words.
func DescribePod(p *corev1.Pod) string {
	text := fmt.Sprintf("pod %s is %s", p.Name, p.Status.Phase)
	for _, c := range p.Status.Conditions {
		if c.Status == corev1.ConditionFalse && c.Message != "" {
			text += ": " + c.Message
			break
		}
	}
	for _, c := range p.Status.ContainerStatuses {
		if w := c.State.Waiting; w != nil && w.Message != "" {
			text += ": " + w.Reason + ": " + w.Message
		}
	}
	return text
}

// DeletePod removes a pod at once; one that is gone is no error.
func (c *Client) DeletePod(ctx context.Context, namespace, name string) error {
	zero := int64(0)
	err := c.Typed.CoreV1().Pods(namespace).Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: &zero})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// Exec runs a command in a pod's first container and returns what it printed.
// The error ends with what it said on its standard error.
func (c *Client) Exec(ctx context.Context, namespace, pod string, argv []string) (string, error) {
	req := c.Typed.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod).
		SubResource("exec").VersionedParams(&corev1.PodExecOptions{Command: argv, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	executor, err := remotecommand.NewWebSocketExecutor(c.Config, "GET", req.URL().String())
	if err != nil {
		return "", err
	}
	var out, errOut bytes.Buffer
	if err := executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &out, Stderr: &errOut}); err != nil {
		return "", fmt.Errorf("%w: %s", err, strings.TrimSpace(errOut.String()))
	}
	return out.String(), nil
}
