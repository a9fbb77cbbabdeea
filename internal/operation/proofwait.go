package operation

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/kube"
)

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
			last = kube.DescribePod(pod)
			p.say(last)
		}
		if stop := pause(ctx); stop != nil {
			return fmt.Errorf("pod %s/%s: %s (%w)", proofNamespace, name, last, stop)
		}
	}
}

// remove deletes all that a proof makes. What is gone already is no error.
func (p *proof) remove(ctx context.Context) error {
	core := p.client.Typed.CoreV1()
	o := p.objects
	for _, err := range []error{
		p.client.DeletePod(ctx, proofNamespace, o.client.Name), p.client.DeletePod(ctx, proofNamespace, o.server.Name),
		core.Services(proofNamespace).Delete(ctx, o.service.Name, metav1.DeleteOptions{}),
		core.ConfigMaps(proofNamespace).Delete(ctx, o.config.Name, metav1.DeleteOptions{}),
	} {
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("cannot remove what the proof made: %w; remove it with `keelway kubectl delete pod,service,configmap -l keelway.dev/proof`", err)
		}
	}
	return nil
}
