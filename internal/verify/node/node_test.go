package node

import (
	"io/fs"
	"net/netip"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/verify/result/resulttest"
)

func node(name string, ready bool, more ...corev1.NodeCondition) corev1.Node {
	c := corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionTrue}
	if !ready {
		c.Status, c.Reason, c.Message = corev1.ConditionUnknown, "NodeStatusUnknown", "Kubelet stopped posting node status."
	}
	return corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.NodeStatus{Conditions: append(more, c)}}
}

func TestJudgeNodes(t *testing.T) {
	cordoned := node("b", true)
	cordoned.Spec.Unschedulable = true
	for _, tc := range []struct {
		name     string
		nodes    []corev1.Node
		machines []string
		seen     string
		want     []string
	}{
		{"in order", []corev1.Node{node("a", true), node("b", true)}, []string{"a", "b"}, "2 nodes Ready", nil},
		{"one gone", []corev1.Node{node("a", true), node("b", false)}, nil, "1 of 2 nodes Ready", []string{"failed b: is not Ready: NodeStatusUnknown: Kubelet stopped"}},
		{"full disk", []corev1.Node{node("a", true, corev1.NodeCondition{Type: corev1.NodeDiskPressure, Status: corev1.ConditionTrue, Message: "kubelet has disk pressure"})}, nil, "1 node Ready", []string{"failed a: DiskPressure: kubelet has disk pressure"}},
		{"cordoned", []corev1.Node{node("a", true), cordoned}, nil, "2 nodes Ready", []string{"warning b: is cordoned"}},
		{"not joined", []corev1.Node{node("a", true)}, []string{"a", "c"}, "1 node Ready", []string{"failed c: is no node of the cluster"}},
	} {
		o := judgeNodes(tc.nodes, tc.machines)
		resulttest.Expect(t, tc.name, o.Found, tc.want...)
		if o.Seen != tc.seen {
			t.Errorf("%s: seen %q, want %q", tc.name, o.Seen, tc.seen)
		}
	}
}

func TestJudgeVersions(t *testing.T) {
	api := component{"kube-apiserver", "a", "v1.37.0"}
	for _, tc := range []struct {
		name string
		all  []component
		want []string
	}{
		{"the same", []component{api, {"kubelet", "a", "v1.37.0"}, {"kube-proxy", "a", "v1.37.0"}}, nil},
		{"as old as may be", []component{api, {"kubelet", "b", "v1.34.9"}, {"kube-scheduler", "a", "v1.36.3"}}, nil},
		{"a newer patch", []component{api, {"kubelet", "b", "v1.37.2"}}, nil},
		{"newer", []component{api, {"kubelet", "b", "v1.38.0"}}, []string{"failed b: kubelet is v1.38.0, newer than the API server, v1.37.0"}},
		{"too old", []component{api, {"kubelet", "b", "v1.33.0"}}, []string{"failed b: kubelet is v1.33.0, more than 3 minors older"}},
		{"an old scheduler", []component{api, {"kube-scheduler", "a", "v1.35.0"}}, []string{"more than 1 minors older"}},
		{"in an upgrade, the older one counts", []component{api, {"kube-apiserver", "b", "v1.36.3"}, {"kubelet", "a", "v1.37.0"}}, []string{"failed a: kubelet is v1.37.0, newer than the API server, v1.36.3"}},
		{"servers apart", []component{api, {"kube-apiserver", "b", "v1.35.0"}}, []string{"API servers are of v1.35.0 and v1.37.0"}},
		{"no tag", []component{api, {"kube-proxy", "a", ""}}, []string{"warning a: kube-proxy is of a version that cannot be read"}},
		{"no server seen", []component{{"kubelet", "a", "v1.37.0"}}, []string{"skipped no API server runs as a pod"}},
	} {
		resulttest.Expect(t, tc.name, judgeVersions(tc.all).Found, tc.want...)
	}
}

func TestJudgeRanges(t *testing.T) {
	good := func() network {
		return network{
			pods: []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16")}, services: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")},
			nodes: []nodeNetwork{{"a", []string{"10.244.0.0/24"}, []string{"192.0.2.1"}}, {"b", []string{"10.244.1.0/24"}, []string{"192.0.2.2"}}},
			api:   "10.96.0.1", dns: "10.96.0.10", wantDNS: "10.96.0.10",
		}
	}
	for _, tc := range []struct {
		name   string
		change func(*network)
		want   []string
	}{
		{"in order", func(*network) {}, nil},
		{"ranges overlap", func(n *network) { n.pods[0] = netip.MustParsePrefix("10.100.0.0/16"); n.nodes = nil }, []string{"10.100.0.0/16 and the service range 10.96.0.0/12 overlap"}},
		{"none given", func(n *network) { n.nodes[1].ranges = nil }, []string{"failed b: has parts of 0 of the 1 pod ranges"}},
		{"from elsewhere", func(n *network) { n.nodes[1].ranges[0] = "10.10.0.0/24" }, []string{"failed b: its pods get addresses of 10.10.0.0/24, which is outside"}},
		{"given twice", func(n *network) { n.nodes[1].ranges[0] = "10.244.0.0/24" }, []string{"failed b: its pod range 10.244.0.0/24 overlaps 10.244.0.0/24 of a"}},
		{"a node in the service range", func(n *network) { n.nodes[0].addresses[0] = "10.97.3.3" }, []string{"failed a: its own address 10.97.3.3 lies in a range"}},
		{"an old service range", func(n *network) { n.api = "10.0.0.1" }, []string{`address "10.0.0.1", which is outside of the service range`}},
		{"another DNS", func(n *network) { n.dns = "10.96.0.11" }, []string{`kube-dns has the address "10.96.0.11"`}},
		{"no DNS", func(n *network) { n.dns = "" }, []string{`kube-dns has the address ""`}},
	} {
		n := good()
		tc.change(&n)
		resulttest.Expect(t, tc.name, judgeRanges(n).Found, tc.want...)
	}
}

func TestJudgeClocks(t *testing.T) {
	for _, tc := range []struct {
		name  string
		ahead map[string]time.Duration
		want  []string
	}{
		{"together, and all of them away from here", map[string]time.Duration{"a": time.Hour, "b": time.Hour + 200*time.Millisecond}, nil},
		{"a little apart", map[string]time.Duration{"a": 0, "b": 1500 * time.Millisecond}, []string{"warning b: its clock is 1.5s ahead of that of a"}},
		{"apart", map[string]time.Duration{"a": time.Second, "b": -4 * time.Minute}, []string{"failed a: its clock is 4m1s ahead of that of b"}},
		{"no heartbeat", map[string]time.Duration{"a": 0}, []string{"failed b: its kubelet renewed no lease"}},
	} {
		resulttest.Expect(t, tc.name, judgeClocks(tc.ahead, []string{"a", "b"}).Found, tc.want...)
	}
}

func TestJudgeMode(t *testing.T) {
	want := owned{path: "/etc/kubernetes/admin.conf", mode: 0o600}
	for _, tc := range []struct {
		name string
		have host.Entry
		want []string
	}{
		{"in order", host.Entry{Mode: 0o600}, nil},
		{"open to all", host.Entry{Mode: 0o644}, []string{"failed n:/etc/kubernetes/admin.conf: has mode 0644, which allows more than 0600"}},
		{"stricter", host.Entry{Mode: 0o400}, []string{"warning n:/etc/kubernetes/admin.conf: has mode 0400, not 0600"}},
		{"somebody's", host.Entry{Mode: 0o600, UID: 1000}, []string{"failed n:/etc/kubernetes/admin.conf: belongs to user 1000"}},
		{"a folder", host.Entry{Mode: fs.ModeDir | 0o600}, []string{"is a directory, not a regular file"}},
	} {
		resulttest.Expect(t, tc.name, judgeMode("n", want, tc.have), tc.want...)
	}
	public := owned{path: "/etc/kubernetes/pki/sa.pub", mode: 0o600, public: true}
	resulttest.Expect(t, "as kubeadm join makes it", judgeMode("n", public, host.Entry{Mode: 0o644}))
	resulttest.Expect(t, "a public key that others may change", judgeMode("n", public, host.Entry{Mode: 0o666}), "has mode 0666")
	if f := judgeMode("n", want, host.Entry{Mode: 0o644}); f[0].Fix != "chmod 0600 /etc/kubernetes/admin.conf" {
		t.Errorf("the fix is %q", f[0].Fix)
	}
}
