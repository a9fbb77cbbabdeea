package operation

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// errFailed is a pod that ended badly.
var errFailed = errors.New("the pod failed")

// ready and ended look at a pod: true when it is there, an error when it never will be.
func ready(p *corev1.Pod) (bool, error) {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return true, nil
		}
	}
	return false, nil
}

func ended(p *corev1.Pod) (bool, error) {
	switch p.Status.Phase {
	case corev1.PodSucceeded:
		return true, nil
	case corev1.PodFailed:
		return false, errFailed
	}
	return false, nil
}

// await asks for a pod until done says so.
func (p *proof) await(ctx context.Context, name string, done func(*corev1.Pod) (bool, error)) error {
	last := "it was not seen yet"
	for {
		pod, err := p.client.Typed.CoreV1().Pods(proofNamespace).Get(ctx, name, metav1.GetOptions{})
		if err == nil {
			ok, err := done(pod)
			if ok || err != nil {
				return err
			}
			last = describe(pod)
			p.say(last)
		}
		if stop := pause(ctx); stop != nil {
			return fmt.Errorf("pod %s/%s: %s (%w)", proofNamespace, name, last, stop)
		}
	}
}

// describe says where a pod stands, in the kubelet's and the scheduler's words.
func describe(p *corev1.Pod) string {
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

func (p *proof) deletePod(ctx context.Context, name string) error {
	zero := int64(0)
	err := p.client.Typed.CoreV1().Pods(proofNamespace).Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: &zero})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// remove deletes all that a proof makes. What is gone already is no error.
func (p *proof) remove(ctx context.Context) error {
	core := p.client.Typed.CoreV1()
	o := p.objects
	for _, err := range []error{
		p.deletePod(ctx, o.client.Name), p.deletePod(ctx, o.server.Name),
		core.Services(proofNamespace).Delete(ctx, o.service.Name, metav1.DeleteOptions{}),
		core.ConfigMaps(proofNamespace).Delete(ctx, o.config.Name, metav1.DeleteOptions{}),
	} {
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("cannot remove what the proof made: %w; remove it with `keelway kubectl delete pod,service,configmap -l keelway.dev/proof`", err)
		}
	}
	return nil
}
