package evidence

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/kube"
)

// apiWords gives each component what the API knows about its pods and its node.
// What the identity here may not ask is left out.
func (e *Evidence) apiWords(ctx context.Context, client *kube.Client, own string, reader *Reader) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	done := map[string]bool{}
	for _, c := range e.Components {
		if c.Namespace != "" && !done[c.Namespace] {
			done[c.Namespace] = true
			e.namespaceWords(ctx, client, c.Namespace, reader)
		}
	}
	e.nodeWords(ctx, client, own)
}

// namespaceWords are why a pod waits, was evicted or cannot be placed, and the
// warnings in its events.
func (e *Evidence) namespaceWords(ctx context.Context, client *kube.Client, namespace string, reader *Reader) {
	pods, err := client.Typed.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	live := map[string]bool{}
	for _, p := range pods.Items {
		live[p.Name] = true
		if owner := e.owner(p.Namespace, p.Name); owner != nil {
			owner.About = append(owner.About, podWords(p, e.Now)...)
		}
	}
	events, err := client.Typed.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "type=Warning", Limit: 200})
	if err != nil {
		return
	}
	for _, ev := range events.Items {
		owner := e.owner(ev.InvolvedObject.Namespace, ev.InvolvedObject.Name)
		if owner == nil || !live[ev.InvolvedObject.Name] {
			continue
		}
		l := reader.Line(ev.Reason + ": " + strings.ReplaceAll(ev.Message, "\n", " "))
		l.At, l.Level = eventTime(ev), Error
		owner.About = append(owner.About, l)
	}
}

// nodeWords gives the kubelet what its node's conditions say. A worker may ask
// for its own node only.
func (e *Evidence) nodeWords(ctx context.Context, client *kube.Client, own string) {
	nodes, err := client.Typed.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if apierrors.IsForbidden(err) {
		var one *corev1.Node
		if one, err = client.Typed.CoreV1().Nodes().Get(ctx, own, metav1.GetOptions{}); err == nil {
			nodes = &corev1.NodeList{Items: []corev1.Node{*one}}
		}
	}
	if err != nil {
		return
	}
	for i, c := range e.Components {
		if c.Name != "kubelet" {
			continue
		}
		for _, n := range nodes.Items {
			for _, condition := range n.Status.Conditions {
				wrong := condition.Status == corev1.ConditionTrue
				if condition.Type == corev1.NodeReady {
					wrong = condition.Status != corev1.ConditionTrue
				}
				if wrong {
					words := fmt.Sprintf("node %s: %s is %s: %s: %s", n.Name, condition.Type, condition.Status, condition.Reason, condition.Message)
					e.Components[i].About = append(e.Components[i].About, Line{At: e.Now, Level: Error, Text: words})
				}
			}
		}
	}
}

func podWords(p corev1.Pod, now time.Time) []Line {
	var lines []Line
	say := func(format string, args ...any) {
		lines = append(lines, Line{At: now, Level: Error, Text: "pod " + p.Name + ": " + fmt.Sprintf(format, args...)})
	}
	if p.Status.Reason != "" {
		say("%s: %s", p.Status.Reason, p.Status.Message)
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			say("%s: %s", c.Reason, c.Message)
		}
	}
	for _, s := range append(append([]corev1.ContainerStatus{}, p.Status.InitContainerStatuses...), p.Status.ContainerStatuses...) {
		if w := s.State.Waiting; w != nil && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing" {
			say("%s: %s", w.Reason, w.Message)
		}
		if t := s.LastTerminationState.Terminated; t != nil && t.Reason == "OOMKilled" {
			say("OOMKilled (exit code %d)", t.ExitCode)
		}
	}
	return lines
}

func eventTime(e corev1.Event) time.Time {
	switch {
	case e.Series != nil && !e.Series.LastObservedTime.IsZero():
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}
