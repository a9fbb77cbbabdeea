package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/kube"
)

// startLimit is how long the pods may take to start.
const startLimit = 60 * time.Second

// Set is the probes of one cluster.
type Set struct {
	Client *kube.Client
	// Service is what the probes are behind, once Start has returned.
	Service *corev1.Service
	// Pods and Hosts are the probes that run, by node; Waiting says of the nodes
	// without one where theirs stands.
	Pods, Hosts map[string]*corev1.Pod
	Waiting     map[string]string
	// places are the requests that may be under way at once.
	places chan struct{}
}

// New makes a set that has no pods yet.
func New(client *kube.Client, nodes int) *Set {
	return &Set{Client: client, places: make(chan struct{}, min(max(4, 2*nodes), 64))}
}

// Start makes the probes, of which none may be there, and waits until those on the named nodes run, or as
// long as they may take.
func (s *Set) Start(ctx context.Context, image string, nodes []string) error {
	// A request that is cut off may still be done, after everything was removed.
	whole := context.WithoutCancel(ctx)
	var err error
	if s.Service, err = s.Client.Typed.CoreV1().Services(Namespace).Create(whole, service(), metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("cannot make the Service of the probes: %w", err)
	}
	sets := s.Client.Typed.AppsV1().DaemonSets(Namespace)
	if _, err := sets.Create(whole, podNetwork(image), metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("cannot make the probes: %w", err)
	}
	if _, err := sets.Create(whole, hostNetwork(image), metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("cannot make the probes of the hosts' network: %w", err)
	}
	limit, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		all, err := s.list(ctx)
		if err != nil {
			return err
		}
		s.sort(all, nodes)
		if len(s.Waiting) == 0 || pause(limit) != nil {
			return ctx.Err()
		}
	}
}

func (s *Set) list(ctx context.Context) ([]corev1.Pod, error) {
	l, err := s.Client.Typed.CoreV1().Pods(Namespace).List(ctx, metav1.ListOptions{LabelSelector: Label})
	if err != nil {
		return nil, fmt.Errorf("cannot list the probes: %w", err)
	}
	return l.Items, nil
}

// sort says of each node whether its probes run.
func (s *Set) sort(all []corev1.Pod, nodes []string) {
	s.Pods, s.Hosts, s.Waiting = map[string]*corev1.Pod{}, map[string]*corev1.Pod{}, map[string]string{}
	for _, n := range nodes {
		s.Waiting[n] = "no probe was put on the node: look at `keelway kubectl -n default describe daemonset keelway-verify` while this runs"
	}
	for i := range all {
		p := &all[i]
		node := p.Spec.NodeName
		into := s.Pods
		if p.Labels[Label] == "host" {
			into = s.Hosts
		}
		if ready, _ := kube.PodReady(p); ready && p.DeletionTimestamp == nil {
			into[node] = p
		} else if node != "" {
			s.Waiting[node] = kube.DescribePod(p)
		}
	}
	for _, n := range nodes {
		if s.Pods[n] != nil && s.Hosts[n] != nil {
			delete(s.Waiting, n)
		}
	}
	for n := range s.Waiting {
		if !slices.Contains(nodes, n) {
			delete(s.Waiting, n)
		}
	}
}

// Remove takes away all that a run makes, also what one left that was killed,
// and returns when the pods are gone. What is not there is no error.
func (s *Set) Remove(ctx context.Context) error {
	zero, now := int64(0), metav1.DeletePropagationBackground
	marked := metav1.ListOptions{LabelSelector: Label}
	core := s.Client.Typed.CoreV1()
	errs := []error{
		s.Client.Typed.AppsV1().DaemonSets(Namespace).DeleteCollection(ctx, metav1.DeleteOptions{PropagationPolicy: &now}, marked),
		core.Secrets(Namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, marked),
	}
	services, err := core.Services(Namespace).List(ctx, marked)
	errs = append(errs, err)
	if err == nil {
		for _, one := range services.Items {
			err := core.Services(Namespace).Delete(ctx, one.Name, metav1.DeleteOptions{})
			if !apierrors.IsNotFound(err) {
				errs = append(errs, err)
			}
		}
	}
	gone := 0
	for err = errors.Join(errs...); err == nil; err = pause(ctx) {
		var all []corev1.Pod
		if all, err = s.list(ctx); err != nil {
			break
		}
		// The controller may still add a pod while the DaemonSet goes.
		if gone++; len(all) > 0 {
			gone = 0
		}
		if gone == 2 {
			return nil
		}
		if err = core.Pods(Namespace).DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &zero}, marked); err != nil {
			break
		}
	}
	return fmt.Errorf("cannot remove what verify made: %w; the next run removes it, or `keelway kubectl -n default delete daemonset,pod,service,secret -l keelway.dev/verify`", err)
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(200 * time.Millisecond):
		return nil
	}
}
