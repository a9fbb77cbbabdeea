package probe

import (
	"errors"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func pod(name, part, node string, ready bool) corev1.Pod {
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{Label: part}}, Spec: corev1.PodSpec{NodeName: node}}
	p.Status.Phase = corev1.PodPending
	if ready {
		p.Status.Phase = corev1.PodRunning
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	}
	return p
}

// A node has its probes when both run; another one is told by its pod's words.
func TestSort(t *testing.T) {
	leaving := pod("p5", "pod", "e", true)
	leaving.DeletionTimestamp = &metav1.Time{}
	all := []corev1.Pod{
		pod("p1", "pod", "a", true), pod("h1", "host", "a", true),
		pod("p2", "pod", "b", false), pod("h2", "host", "b", true),
		pod("p3", "pod", "c", true),
		pod("p4", "pod", "not-asked-for", false),
		leaving, pod("h5", "host", "e", true),
	}
	var s Set
	s.sort(all, []string{"a", "b", "c", "d", "e"})
	if s.Pods["a"].Name != "p1" || s.Hosts["a"].Name != "h1" || s.Waiting["a"] != "" {
		t.Errorf("a: %v %v %q", s.Pods["a"], s.Hosts["a"], s.Waiting["a"])
	}
	for node, words := range map[string]string{"b": "pod p2 is Pending", "c": "no probe was put", "d": "no probe was put", "e": "pod p5 is Running"} {
		if !strings.Contains(s.Waiting[node], words) {
			t.Errorf("%s waits with %q, want %q", node, s.Waiting[node], words)
		}
	}
	if len(s.Waiting) != 4 {
		t.Errorf("waiting: %v", s.Waiting)
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		"command terminated with exit code 1: E1 memcache.go\nUnable to connect to the server: dial tcp: lookup x: no such host": "dial tcp: lookup x: no such host",
		"command terminated with exit code 1: Error from server (NotFound): the server could not find the requested resource":    "Error from server (NotFound): the server could not find the requested resource",
		"websocket: bad handshake": "websocket: bad handshake",
	} {
		if got := words(errors.New(in)).Error(); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// Every object is found again by its label, pulls nothing, and goes anywhere.
func TestObjects(t *testing.T) {
	for _, d := range []*appsv1.DaemonSet{podNetwork("image"), hostNetwork("image")} {
		spec := d.Spec.Template.Spec
		if !strings.HasPrefix(d.Name, "keelway-verify") || d.Labels[Label] == "" || d.Spec.Template.Labels[Label] != d.Spec.Selector.MatchLabels[Label] {
			t.Errorf("%s cannot be found again", d.Name)
		}
		if spec.Containers[0].ImagePullPolicy != corev1.PullNever || spec.Tolerations[0].Operator != corev1.TolerationOpExists || *spec.AutomountServiceAccountToken {
			t.Errorf("%s: %+v", d.Name, spec)
		}
	}
	if s := service(); s.Labels[Label] == "" || s.Spec.Selector[Label] != podNetwork("x").Spec.Template.Labels[Label] {
		t.Errorf("the Service does not stand before the probes: %+v", s)
	}
}
