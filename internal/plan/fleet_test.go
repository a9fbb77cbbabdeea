package plan

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/access"
	"keelway.dev/keelway/internal/observed"
)

func step(id, component string, change Change) Step {
	phase, _, _ := strings.Cut(id, "/")
	return Step{Change: change, Resource: desired.Resource{ID: id, Phase: phase, Component: component}}
}

func TestFleetOrder(t *testing.T) {
	touched := Plan{Steps: []Step{step("etcd/local", "etcd", Update)}}
	fresh := Plan{Steps: []Step{step("runtime/programs", "containerd", Create), step("etcd-join/member", "etcd", Create)}}
	prepare := map[string]bool{"runtime/programs": true}
	addons := Plan{Steps: []Step{step("addon/coredns", "coredns", Create), step("addon/coredns-ready", "coredns", Wait)}}
	for name, row := range map[string]struct {
		hosts []HostPlan
		// want are the hosts of each stage; refused is a part of a refusal.
		want    map[string]string
		refused string
	}{
		"a new cluster": {
			hosts: []HostPlan{
				{Host: "b", Part: Control, Plan: fresh, Prepare: prepare},
				{Host: "a", Part: First, Plan: fresh, Prepare: prepare},
				{Host: "w", Part: Node, Plan: fresh, Prepare: prepare},
			},
			want: map[string]string{"prepare": "b w", "control planes": "a b", "workers": "w"},
		},
		"addons keep nobody from joining a cluster that serves": {
			hosts: []HostPlan{
				{Host: "a", Part: First, Plan: addons, Serving: true, Voting: true},
				{Host: "b", Part: Control, Plan: fresh, Prepare: prepare}, {Host: "w", Part: Node, Plan: fresh, Prepare: prepare},
			},
			want: map[string]string{"prepare": "b w", "control planes": "b", "cluster objects": "a", "workers": "w"},
		},
		"who does not serve is mended before one that does is touched": {
			hosts: []HostPlan{
				{Host: "a", Part: First, Plan: touched, Serving: true, Voting: true},
				{Host: "b", Part: Control, Plan: touched, Serving: true, Voting: true},
				{Host: "c", Part: Control, Plan: fresh},
			},
			want: map[string]string{"control planes": "c a b"},
		},
		"a member is not touched while another of three is down": {
			hosts: []HostPlan{
				{Host: "a", Part: First, Plan: touched, Serving: true, Voting: true},
				{Host: "b", Part: Control, Serving: true, Voting: true},
				{Host: "c", Part: Control, Voting: true},
			},
			want: map[string]string{"control planes": "a"}, refused: "a is not touched: etcd has 3 members, c is down",
		},
		"a member whose API server does not serve yet is not down": {
			hosts: []HostPlan{
				{Host: "a", Part: First, Plan: touched, Serving: true, Voting: true},
				{Host: "b", Part: Control, Running: true, Voting: true},
			},
			want: map[string]string{"control planes": "a"},
		},
		"what the kubelet does not run is touched while a member is down": {
			hosts: []HostPlan{
				{Host: "a", Part: First, Plan: Plan{Steps: []Step{{Change: Restart, Resource: desired.Resource{ID: "approver/service", Component: "keelway-approver", Service: &desired.Service{}}}}}, Serving: true, Voting: true},
				{Host: "b", Part: Control, Voting: true},
			},
			want: map[string]string{"control planes": "a"},
		},
		"of five, one may be down": {
			hosts: []HostPlan{
				{Host: "a", Part: First, Plan: touched, Serving: true, Voting: true},
				{Host: "b", Part: Control, Serving: true, Voting: true}, {Host: "c", Part: Control, Serving: true, Voting: true},
				{Host: "d", Part: Control, Serving: true, Voting: true}, {Host: "e", Part: Control, Voting: true},
			},
			want: map[string]string{"control planes": "a"},
		},
		"a worker that cannot be reached is left out": {
			hosts: []HostPlan{{Host: "a", Part: First, Plan: touched, Serving: true, Voting: true}, {Host: "w", Part: Node, Unreachable: "no route"}},
			want:  map[string]string{"control planes": "a"},
		},
		"an etcd on hosts of its own goes before the control planes": {
			hosts: []HostPlan{
				{Host: "a", Part: First, Plan: fresh, Prepare: prepare},
				{Host: "e2", Part: Member, Plan: fresh, Prepare: prepare},
				{Host: "e1", Part: Founder, Plan: fresh, Prepare: prepare},
				{Host: "w", Part: Node, Plan: fresh, Prepare: prepare},
			},
			want: map[string]string{"prepare": "a e2 e1 w", "etcd members": "e1 e2", "control planes": "a", "workers": "w"},
		},
		"nor is a member on a host of its own touched then": {
			hosts: []HostPlan{
				{Host: "a", Part: First, Plan: touched, Serving: true},
				{Host: "e1", Part: Founder, Plan: touched, Serving: true, Voting: true},
				{Host: "e2", Part: Member, Serving: true, Voting: true}, {Host: "e3", Part: Member, Voting: true},
			},
			want: map[string]string{"etcd members": "e1", "control planes": "a"}, refused: "e1 is not touched: etcd has 3 members, e3 is down",
		},
		"a member's host that cannot be reached stops it": {
			hosts: []HostPlan{{Host: "a", Part: First, Serving: true}, {Host: "e1", Part: Founder, Serving: true, Voting: true}, {Host: "e2", Part: Member, Unreachable: "no route"}},
			want:  map[string]string{}, refused: "e2 cannot be reached, and nothing is changed over an etcd",
		},
		"a control plane that cannot be reached stops it": {
			hosts: []HostPlan{{Host: "a", Part: First, Serving: true, Voting: true}, {Host: "b", Part: Control, Unreachable: "no route"}},
			want:  map[string]string{}, refused: "b cannot be reached",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := Order(row.hosts)
			got := map[string]string{}
			for _, s := range f.Stages {
				var names []string
				for _, h := range s.Hosts {
					names = append(names, h.Host)
				}
				got[s.Name] = strings.Join(names, " ")
			}
			if fmt.Sprint(got) != fmt.Sprint(row.want) {
				t.Errorf("stages %v, want %v", got, row.want)
			}
			if all := strings.Join(f.Refusals, "\n"); row.refused == "" && all != "" || !strings.Contains(all, row.refused) {
				t.Errorf("refused %q, want %q", all, row.refused)
			}
		})
	}
}

// TestQuorumIsNeverLost walks all fleets of up to five members, each of them up
// or down, to be touched or not, and does what the plan says, one member at a
// time: of three or more, a majority that was there stays.
func TestQuorumIsNeverLost(t *testing.T) {
	t.Run("stacked", func(t *testing.T) { quorumIsNeverLost(t, Control) })
	t.Run("on hosts of its own", func(t *testing.T) { quorumIsNeverLost(t, Member) })
}

func quorumIsNeverLost(t *testing.T, part Part) {
	walked := 0
	for n := 1; n <= 5; n++ {
		for state := range 1 << (2 * n) {
			var hosts []HostPlan
			up := map[string]bool{}
			for i := range n {
				h := HostPlan{Host: string(rune('a' + i)), Part: part, Voting: true, Serving: state>>(2*i)&1 == 1}
				if state>>(2*i+1)&1 == 1 {
					h.Plan.Steps = []Step{step("etcd/local", "etcd", Update)}
				}
				up[h.Host] = h.Serving
				hosts = append(hosts, h)
			}
			f := Order(hosts)
			had := count(up) >= Majority(n)
			if len(f.Refusals) > 0 || !had || n < 3 {
				continue
			}
			for _, s := range f.Stages {
				if !s.Serial {
					t.Fatalf("%d members, state %b: %ss side by side", n, state, part)
				}
				for _, h := range s.Hosts {
					up[h.Host] = false // while it is touched
					if count(up) < Majority(n) {
						t.Fatalf("%d members, state %b: no majority while %s is touched", n, state, h.Host)
					}
					up[h.Host] = true
					walked++
				}
			}
		}
	}
	if walked < 500 {
		t.Errorf("only %d touches were walked", walked)
	}
}

// Those whose etcd begins together wait for each other, and for nobody else.
func TestOrderOfThoseThatBeginTogether(t *testing.T) {
	for _, last := range []bool{true, false} {
		var hosts []HostPlan
		for i, name := range []string{"a", "b", "c"} {
			h := HostPlan{Host: name, Part: Control, Together: i < 2 || last}
			h.Plan.Steps = []Step{step("control-plane/apiserver", "kube-apiserver", Create)}
			hosts = append(hosts, h)
		}
		for _, s := range Order(hosts).Stages {
			if s.Serial == last {
				t.Errorf("all together: %t, one after the other: %t", last, s.Serial)
			}
		}
	}
}

// A cluster is half made while its first control plane is to make what belongs to
// all of it; that something of it does not answer is no reason to wait.
func TestFounds(t *testing.T) {
	for id, row := range map[string]struct {
		change Change
		want   bool
	}{
		"addon/flannel":           {Create, true},
		"addon/coredns":           {Update, false},
		"addon/flannel-ready":     {Wait, false},
		"control-plane/scheduler": {Create, false},
	} {
		h := HostPlan{Host: "a", Part: First, Serving: true}
		h.Plan.Steps = []Step{step(id, "", row.change)}
		f := Order([]HostPlan{h})
		if f.Founds("a") != row.want || f.Founds("b") {
			t.Errorf("%s %s: a makes the cluster: %t, b: %t", row.change, id, f.Founds("a"), f.Founds("b"))
		}
	}
}

func count(up map[string]bool) int {
	n := 0
	for _, is := range up {
		if is {
			n++
		}
	}
	return n
}

// TestRemovalKeepsAMajority walks all clusters of up to five members, each up or
// down, and every removal.
func TestRemovalKeepsAMajority(t *testing.T) {
	for n := 1; n <= 5; n++ {
		for state := range 1 << n {
			var members []MemberState
			for i := range n {
				members = append(members, MemberState{Name: string(rune('a' + i)), Voting: true, Healthy: state>>i&1 == 1})
			}
			for _, gone := range members {
				healthy := 0
				for _, m := range members {
					if m.Name != gone.Name && m.Healthy {
						healthy++
					}
				}
				err := CheckRemoval(members, gone.Name)
				if may := n > 1 && healthy >= Majority(n-1); may != (err == nil) {
					t.Errorf("%d members, state %b, without %s: %v, want allowed %v", n, state, gone.Name, err, may)
				}
			}
		}
	}
}

// TestTaintsOfOthersStay: a Node that has the wanted taint beside one of the
// cluster's own is as desired.
func TestTaintsOfOthersStay(t *testing.T) {
	taint := func(key string) any { return map[string]any{"key": key, "effect": "NoSchedule"} }
	for name, row := range map[string]struct {
		have []any
		want string
	}{
		"beside another": {[]any{taint("node.kubernetes.io/not-ready"), taint("x")}, ""},
		"alone":          {[]any{taint("x")}, ""},
		"missing":        {[]any{taint("node.kubernetes.io/not-ready")}, "spec.taints"},
		"none":           {nil, "spec.taints"},
	} {
		want := map[string]any{"spec": map[string]any{"taints": []any{taint("x")}}}
		have := map[string]any{"spec": map[string]any{"taints": row.have}}
		dropTaints(want, have)
		if got := Difference(want, have); !strings.HasPrefix(got, row.want) || row.want == "" && got != "" {
			t.Errorf("%s: differs at %q, want %q", name, got, row.want)
		}
	}
}

// TestMarksNoLongerNamed: what the cluster file gave a Node and no longer names
// is a step, whose reason names it; after it there is none.
func TestMarksNoLongerNamed(t *testing.T) {
	node := func(labels map[string]string) *corev1.Node {
		h := cluster.Host{Labels: labels, Marked: true}
		h.Init.NodeRegistration.Name = "w1"
		return access.Node(h)
	}
	seen := func(n *corev1.Node) observed.Host {
		n.Labels["theirs"] = "x"
		u, err := runtime.DefaultUnstructuredConverter.ToUnstructured(n)
		if err != nil {
			t.Fatal(err)
		}
		return observed.Host{API: true, Objects: map[string]*unstructured.Unstructured{"Node//w1": {Object: u}}}
	}
	want := desired.Host{Name: "w1", Resources: []desired.Resource{{ID: "labels", Objects: []desired.Object{{Object: node(map[string]string{"disk": "ssd"})}}}}}
	p := Make(want, seen(node(map[string]string{"zone": "east", "disk": "ssd"})), Inputs{})
	if len(p.Steps) != 1 || p.Steps[0].Change != Update || !strings.Contains(p.Steps[0].Reason, "has zone, which the cluster file gave it and no longer names") {
		t.Errorf("steps %+v", p.Steps)
	}
	if p := Make(want, seen(node(map[string]string{"disk": "ssd"})), Inputs{}); !p.Empty() {
		t.Errorf("after it: %+v", p.Steps)
	}
}
