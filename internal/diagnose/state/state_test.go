package state_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/diagnose/component"
	"keelway.dev/keelway/internal/diagnose/container"
	"keelway.dev/keelway/internal/diagnose/container/containertest"
	"keelway.dev/keelway/internal/diagnose/state"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/service"
)

var now = time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)

type manager map[string]service.Status

func (m manager) Kind() string { return "supervisor" }
func (m manager) Status(_ context.Context, name string) (service.Status, error) {
	return m[name], nil
}
func (manager) Logs(context.Context, string, int) ([]string, error) { return nil, nil }
func (manager) Start(context.Context, string) error                 { return errors.New("a look starts nothing") }
func (manager) Restart(context.Context, string) error               { return errors.New("a look restarts nothing") }
func (manager) Stop(context.Context, string) error                  { return errors.New("a look stops nothing") }

type node struct {
	*testing.T
	host    *hosttest.Host
	manager manager
	model   *cluster.Model
	client  func(context.Context) (*kube.Client, error)
}

func newNode(t *testing.T) *node {
	t.Helper()
	m, err := cluster.New(cluster.Options{Profile: cluster.Kubeadm, Facts: cluster.Facts{Hostname: "node-1", Addresses: []string{"192.0.2.10"}, CgroupVersion: 2}})
	if err != nil {
		t.Fatal(err)
	}
	return &node{T: t, host: hosttest.New("node-1"), manager: manager{}, model: m,
		client: func(context.Context) (*kube.Client, error) { return nil, fs.ErrNotExist }}
}

func (n *node) put(path, content string) {
	n.Helper()
	if err := n.host.Put(context.Background(), host.Entry{Path: path, Mode: 0o644}, strings.NewReader(content)); err != nil {
		n.Fatal(err)
	}
}

// answer serves an endpoint of the node.
func (n *node) answer(address string, secure bool, handle http.HandlerFunc) {
	server := httptest.NewUnstartedServer(handle)
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	n.Cleanup(server.Close)
	n.host.HandleDial("tcp", address, func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
	})
}

// look says of each component "name: health answer".
func (n *node) look() (map[string]string, state.Seen) {
	seen := state.Look(context.Background(), state.Sources{Host: n.host, Services: n.manager, Client: n.client, Now: func() time.Time { return now }},
		component.For(n.model, n.model.Hosts[0]))
	said := map[string]string{}
	for _, st := range seen.States {
		said[st.Name] = strings.TrimSpace(fmt.Sprint(st.Health, " ", st.Answer))
	}
	return said, seen
}

func (n *node) expect(said map[string]string, want map[string]string) {
	n.Helper()
	for name, words := range want {
		if !strings.HasPrefix(said[name], words) {
			n.Errorf("%s is %q, want %q", name, said[name], words)
		}
	}
}

func TestAnEmptyMachine(t *testing.T) {
	n := newNode(t)
	said, seen := n.look()
	for name, words := range said {
		if !strings.HasPrefix(words, string(state.Absent)) {
			t.Errorf("%s is %s", name, words)
		}
	}
	if seen.Runtime != nil || seen.API != nil {
		t.Error("nothing runs here")
	}
}

func running(name, pod string, attempt int, since time.Duration) container.Container {
	return container.Container{
		ID: pod + name, Name: name, Namespace: "kube-system", Pod: pod, UID: pod, Image: "registry.k8s.io/" + name + ":v1.37.0",
		State: container.Running, Attempt: attempt, PID: 100, Created: now.Add(-since), Started: now.Add(-since),
	}
}

func (n *node) install() {
	for _, c := range component.For(n.model, n.model.Hosts[0]) {
		if c.File != "" {
			n.put(c.File, "x")
		}
	}
	n.manager["containerd"] = service.Status{Running: true, State: "active", PID: 10, Since: now.Add(-time.Hour)}
	n.manager["kubelet"] = service.Status{Running: true, State: "active", PID: 11, Since: now.Add(-time.Hour), Restarts: 2}
}

func (n *node) serve(conditions []*cri.RuntimeCondition, list ...container.Container) {
	r := &containertest.Runtime{Conditions: conditions, Containers: list}
	r.Serve(n.T, n.host)
}

func TestHalfOfIt(t *testing.T) {
	n := newNode(t)
	n.install()
	ended := running("etcd", "etcd-node-1", 3, time.Minute)
	ended.State, ended.PID, ended.ExitCode, ended.Reason = container.Exited, 0, 137, "OOMKilled"
	n.serve([]*cri.RuntimeCondition{{Type: "RuntimeReady", Status: true}, {Type: "NetworkReady", Message: "cni plugin not initialized"}},
		ended,
		running("kube-apiserver", "kube-apiserver-node-1", 1, time.Minute),
		running("kube-scheduler", "kube-scheduler-node-1", 0, time.Second),
	)
	n.answer("127.0.0.1:10248", false, func(w http.ResponseWriter, _ *http.Request) {})
	n.answer("192.0.2.10:6443", true, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte("[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n"))
		}
	})
	n.answer("127.0.0.1:10259", true, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"kind":"Status","message":"forbidden: not yet","code":403}`))
	})
	said, seen := n.look()
	n.expect(said, map[string]string{
		"containerd":              "healthy cni plugin not initialized",
		"kubelet":                 "healthy",
		"etcd":                    "unhealthy exited with code 137 (OOMKilled)",
		"kube-apiserver":          "unhealthy /readyz: [+]ping ok\n[-]etcd failed",
		"kube-controller-manager": "unhealthy it has no container yet",
		"kube-scheduler":          "starting /livez: forbidden: not yet",
		"flannel":                 "not installed",
	})
	for name, restarts := range map[string]int{"kubelet": 2, "etcd": 3, "kube-apiserver": 1} {
		if st, _ := seen.Of(name); st.Restarts != restarts {
			t.Errorf("%s was restarted %d times, want %d", name, st.Restarts, restarts)
		}
	}
	if st, _ := seen.Of("kube-apiserver"); st.Version != "v1.37.0" {
		t.Errorf("version %q", st.Version)
	}
}

func TestWorkloads(t *testing.T) {
	n := newNode(t)
	n.install()
	n.serve([]*cri.RuntimeCondition{{Type: "RuntimeReady", Status: true}, {Type: "NetworkReady", Status: true}},
		running("coredns", "coredns-a", 1, time.Hour), running("coredns", "coredns-b", 2, time.Hour), running("kube-proxy", "kube-proxy-a", 0, time.Hour))
	two := int32(2)
	typed := fake.NewClientset(
		&apps.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "coredns"}, Spec: apps.DeploymentSpec{Replicas: &two}, Status: apps.DeploymentStatus{AvailableReplicas: 1}},
		&apps.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "kube-proxy"}, Status: apps.DaemonSetStatus{DesiredNumberScheduled: 1, NumberAvailable: 1}},
	)
	n.client = func(context.Context) (*kube.Client, error) { return &kube.Client{Typed: typed}, nil }
	said, seen := n.look()
	n.expect(said, map[string]string{
		"coredns": "unhealthy 1 of 2 pods available",
		// The API says that it is available; it itself does not answer.
		"kube-proxy": "unhealthy /healthz: ",
		"flannel":    "not installed DaemonSet kube-flannel/kube-flannel-ds does not exist",
	})
	if st, _ := seen.Of("coredns"); st.Restarts != 3 {
		t.Errorf("CoreDNS was restarted %d times, want 3", st.Restarts)
	}
	// The API goes away.
	n.client = func(context.Context) (*kube.Client, error) { return nil, errors.New("connection refused") }
	said, _ = n.look()
	n.expect(said, map[string]string{
		"coredns": "unknown the API does not answer; 2 of its containers run here",
		"flannel": "unknown the API does not answer; no container of it is here",
	})
}

// TestAWorkersPods: what a DaemonSet runs there is judged by its container, for the
// API tells a worker nothing of the rest.
func TestAWorkersPods(t *testing.T) {
	n := newNode(t)
	n.model.Hosts[0].Roles = []cluster.Role{cluster.Worker}
	n.client = func(context.Context) (*kube.Client, error) { return nil, errors.New("connection refused") }
	n.install()
	ready := []*cri.RuntimeCondition{{Type: "RuntimeReady", Status: true}, {Type: "NetworkReady", Status: true}}
	flannel := running("kube-flannel", "kube-flannel-ds-a", 0, time.Hour)
	flannel.Namespace = "kube-flannel"
	n.serve(ready, flannel, running("kube-proxy", "kube-proxy-a", 0, time.Hour))
	said, _ := n.look()
	n.expect(said, map[string]string{"flannel": "healthy", "kube-proxy": "unhealthy /healthz: "})
	n.answer("127.0.0.1:10256", false, func(http.ResponseWriter, *http.Request) {})
	said, _ = n.look()
	n.expect(said, map[string]string{"kube-proxy": "healthy"})
	if len(said) != 4 {
		t.Errorf("%v", said)
	}
	n = newNode(t)
	n.model.Hosts[0].Roles = []cluster.Role{cluster.Worker}
	n.install()
	flannel.State, flannel.PID, flannel.ExitCode = container.Exited, 0, 1
	again := running("kube-proxy", "kube-proxy-a", 4, time.Second)
	n.serve(ready, flannel, again)
	n.answer("127.0.0.1:10256", false, func(http.ResponseWriter, *http.Request) {})
	said, _ = n.look()
	n.expect(said, map[string]string{"flannel": "unhealthy exited with code 1", "kube-proxy": "starting it was started again"})
	n = newNode(t)
	n.model.Hosts[0].Roles = []cluster.Role{cluster.Worker}
	n.install()
	n.serve(ready)
	said, _ = n.look()
	n.expect(said, map[string]string{"flannel": "not installed no container of it is here"})
}

func TestMemory(t *testing.T) {
	n := newNode(t)
	rollup := func(pid, kb int) {
		n.put(fmt.Sprintf("/proc/%d/smaps_rollup", pid), fmt.Sprintf("00400000-7ffe [rollup]\nRss:  999999 kB\nPss:  %d kB\nPss_Anon: 1 kB\n", kb))
	}
	rollup(100, 1000)
	rollup(101, 500)
	rollup(10, 2000)
	rollup(50, 300)
	n.put("/proc/50/comm", "containerd-shim\n")
	n.put("/proc/50/cmdline", "/usr/local/bin/containerd-shim-runc-v2\x00-address\x00/run/containerd/containerd.sock\x00")
	n.put("/proc/51/comm", "containerd-shim\n")
	n.put("/proc/51/cmdline", "/usr/bin/containerd-shim-runc-v2\x00-address\x00/run/docker/containerd.sock\x00")
	shims := state.Shims(context.Background(), n.host)
	if fmt.Sprint(shims) != "[50]" {
		t.Errorf("the shims of this runtime are %v", shims)
	}
	pod := state.State{Containers: []container.Container{running("etcd", "etcd-node-1", 0, 0)}}
	for _, row := range []struct {
		name   string
		cgroup [2]string // the process's cgroup file, and the folder that its path is in
		want   int64
	}{
		{"no cgroup can be read: the process alone", [2]string{"", ""}, 1000 << 10},
		{"version 1", [2]string{"5:cpuset:/x\n4:memory:/kubepods/pod1/abc\n", "/sys/fs/cgroup/memory/kubepods/pod1/abc"}, 1500 << 10},
		{"version 2", [2]string{"0::/kubepods.slice/abc\n", "/sys/fs/cgroup/kubepods.slice/abc"}, 1500 << 10},
		{"the root cgroup is everybody's", [2]string{"0::/\n", "/sys/fs/cgroup"}, 1000 << 10},
	} {
		if row.cgroup[0] != "" {
			n.put("/proc/100/cgroup", row.cgroup[0])
			n.put(row.cgroup[1]+"/cgroup.procs", "100\n101\n")
		}
		if got, ok := state.Memory(context.Background(), n.host, pod, shims); !ok || got != row.want {
			t.Errorf("%s: %d, want %d", row.name, got, row.want)
		}
	}
	daemon := state.State{Component: component.Component{Unit: "containerd"}, Service: &service.Status{PID: 10}}
	if got, _ := state.Memory(context.Background(), n.host, daemon, shims); got != 2300<<10 {
		t.Errorf("containerd with its shim takes %d", got)
	}
	if _, ok := state.Memory(context.Background(), n.host, state.State{}, nil); ok {
		t.Error("what does not run takes nothing")
	}
}
