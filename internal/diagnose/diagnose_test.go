package diagnose

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/diagnose/container"
	"keelway.dev/keelway/internal/diagnose/container/containertest"
	"keelway.dev/keelway/internal/diagnose/state"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/service"
)

var now = time.Date(2026, 11, 22, 5, 17, 40, 0, time.UTC)

// manager knows services that somebody else has started and stopped.
type manager struct {
	status map[string]service.Status
	logs   map[string][]string
}

func (m manager) Kind() string { return "supervisor" }
func (m manager) Status(_ context.Context, name string) (service.Status, error) {
	return m.status[name], nil
}
func (m manager) Logs(_ context.Context, name string, _ int) ([]string, error) {
	return m.logs[name], nil
}
func (m manager) Start(context.Context, string) error {
	return errors.New("a diagnosis starts nothing")
}
func (m manager) Restart(context.Context, string) error {
	return errors.New("a diagnosis restarts nothing")
}
func (m manager) Stop(context.Context, string) error { return errors.New("a diagnosis stops nothing") }

// node is a machine in memory, and what can be said about it.
type node struct {
	*testing.T
	host    *hosttest.Host
	manager manager
	runtime containertest.Runtime
	model   *cluster.Model
}

func newNode(t *testing.T) *node {
	t.Helper()
	m, err := cluster.New(cluster.Options{Facts: cluster.Facts{
		Hostname: "node-1", Addresses: []string{"192.0.2.10"}, CgroupVersion: 1, NFTables: true,
	}})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{T: t, host: hosttest.New("node-1"), model: m, manager: manager{
		status: map[string]service.Status{
			"containerd": {Running: true, State: "active", PID: 10, Since: now.Add(-time.Minute)},
			"kubelet":    {Running: true, State: "active", PID: 11, Since: now.Add(-30 * time.Second)},
		},
		logs: map[string][]string{},
	}}
	for _, r := range desired.For(m, 0).Resources {
		for _, f := range r.Files {
			if strings.HasSuffix(f.Path, ".service") || strings.Contains(f.Path, "/manifests/") {
				n.put(f.Path, string(f.Content))
			}
		}
	}
	n.runtime.Conditions = []*cri.RuntimeCondition{{Type: "RuntimeReady", Status: true}, {Type: "NetworkReady", Status: true}}
	n.answer("127.0.0.1:10248", http.StatusOK)
	n.host.Handle(func(_ context.Context, _ *hosttest.Host, c host.Command, _ []byte) (host.Result, error) {
		out := "Filesystem 1024-blocks Used Available Capacity Mounted on\n"
		for range c.Argv[slices.Index(c.Argv, "--")+1:] {
			out += "/dev/vda1 1000000 999000 1000 100% /\n"
		}
		return host.Result{Stdout: []byte(out)}, nil
	}, "df")
	return n
}

// answer makes a health endpoint answer.
func (n *node) answer(address string, code int) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
	n.Cleanup(server.Close)
	n.host.HandleDial("tcp", address, func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
	})
}

func (n *node) put(path, content string) {
	n.Helper()
	if err := n.host.Put(context.Background(), host.Entry{Path: path, Mode: 0o644}, strings.NewReader(content)); err != nil {
		n.Fatal(err)
	}
}

// ended adds a container that exited, with what it printed.
func (n *node) ended(name string, attempt, code int, lines ...string) {
	pod, uid := name+"-node-1", "uid-"+name
	log := fmt.Sprintf("/var/log/pods/kube-system_%s_%s/%s/%d.log", pod, uid, name, attempt)
	for i, l := range lines {
		lines[i] = "2026-11-22T05:17:35.1Z stderr F " + l
	}
	n.put(log, strings.Join(lines, "\n")+"\n")
	n.runtime.Containers = append(n.runtime.Containers, container.Container{
		ID: fmt.Sprint(name, attempt), Name: name, Namespace: "kube-system", Pod: pod, UID: uid, Image: "registry.k8s.io/" + name + ":v1.37.0",
		State: container.Exited, Attempt: attempt, ExitCode: code, Reason: "Error", LogPath: log,
		Created: now.Add(-6 * time.Second), Started: now.Add(-6 * time.Second), End: now.Add(-5 * time.Second),
	})
	n.runtime.Sandboxes = append(n.runtime.Sandboxes, container.Sandbox{
		ID: "s" + name, Namespace: "kube-system", Pod: pod, UID: uid, Ready: true, Created: now.Add(-25 * time.Second),
	})
}

func (n *node) sources() Sources {
	n.runtime.Serve(n.T, n.host)
	return Sources{Model: n.model, Sources: state.Sources{Host: n.host, Services: n.manager, Now: func() time.Time { return now }}}
}

func (n *node) wait(id string) plan.Step {
	for _, r := range desired.For(n.model, 0).Resources {
		if r.ID == id {
			return plan.Step{Host: "node-1", Change: plan.Wait, Resource: r}
		}
	}
	n.Fatalf("no step %s", id)
	return plan.Step{}
}

func TestAPortThatIsTaken(t *testing.T) {
	n := newNode(t)
	n.ended("kube-apiserver", 3, 1,
		`I1122 05:17:19.000000       1 options.go:263] external host was not specified, using 192.0.2.10`,
		`E1122 05:17:19.183265       1 run.go:72] "command failed" err="failed to create listener: failed to listen on 0.0.0.0:6443: listen tcp 0.0.0.0:6443: bind: address already in use"`,
	)
	// nginx listens on 6443, which is 192B in hexadecimal.
	n.put("/proc/net/tcp", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"+
		"   0: 00000000:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5555 1 0 100 0 0 10 0\n")
	n.put("/proc/812/cmdline", "/usr/sbin/nginx\x00-g\x00daemon off;\x00")
	if err := n.host.Put(context.Background(), host.Entry{Path: "/proc/812/fd/6", Mode: fs.ModeSymlink | 0o777, Link: "socket:[5555]"}, nil); err != nil {
		t.Fatal(err)
	}
	got := Diagnose(context.Background(), n.sources(), n.wait("wait-control-plane/kube-apiserver"),
		errors.New("health https://192.0.2.10:6443/readyz did not come true within 4m0s; the last answer was: EOF"))
	want := "kube-apiserver exited 1 four times in 20s.\n" +
		"Its last words:\n" +
		"  command failed: failed to create listener: failed to listen on 0.0.0.0:6443: listen tcp 0.0.0.0:6443: bind: address already in use\n" +
		"Cause: port 6443 is held by process 812 (nginx).\n" +
		"Next: free the port (stop that process), or choose another one with --apiserver-bind-port, then run `keelway up` again.\n" +
		"More: /var/log/pods/kube-system_kube-apiserver-node-1_uid-kube-apiserver/kube-apiserver/3.log"
	// etcd has no container either, but it is the API server that says why.
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWhoIsNeededIsToBlame(t *testing.T) {
	n := newNode(t)
	n.ended("etcd", 2, 1, `{"level":"fatal","ts":"2026-11-22T05:16:43.569284Z","caller":"etcdmain/etcd.go:157","msg":"discovery failed","error":"walpb: crc mismatch: expected: 9bfb23ff computed: 257bb7a7"}`)
	n.ended("kube-apiserver", 1, 1, `E1122 05:17:40.487842       1 run.go:72] "command failed" err="error creating storage factory: etcd grpc connection not ready: context deadline exceeded"`)
	got := Diagnose(context.Background(), n.sources(), n.wait("wait-control-plane/kube-apiserver"), errors.New("it did not come true within 4m0s"))
	for _, words := range []string{
		"etcd exited 1 three times in 20s.", "walpb: crc mismatch", "Cause: etcd's data in /var/lib/etcd is damaged",
		"kube-apiserver cannot work without etcd.\n",
	} {
		if !strings.Contains(got, words) {
			t.Errorf("%q is not in\n%s", words, got)
		}
	}
}

// TestAWorker: nothing of a control plane is looked for, an API that does not
// answer is said, and what to do is the command that made the machine.
func TestAWorker(t *testing.T) {
	n := newNode(t)
	n.model.Hosts[0].Roles = []cluster.Role{cluster.Worker}
	n.model.Cluster.ControlPlaneEndpoint = "lb.example:6443"
	n.manager.status["kubelet"] = service.Status{State: "inactive", Exit: "exit status 0"}
	n.manager.logs["kubelet"] = []string{`E1122 05:17:38.661793   17985 run.go:72] "command failed" err="failed to validate kubelet configuration, error: kubelet is configured to not run on a host using cgroup v1."`}
	s := n.sources()
	s.By = "keelway apply"
	list, installed := Examine(context.Background(), s)
	if !installed || len(list) != 2 {
		t.Fatalf("installed %v, %+v", installed, list)
	}
	if d := list[0]; d.Component != "kubelet" || len(d.Causes) != 1 || d.Causes[0].Rule != "stopped" || d.Causes[0].Next != "run `keelway apply`, which starts it again" {
		t.Errorf("%+v", d)
	}
	if d := list[1]; d.Causes[0].Rule != "api-unreachable" || !strings.Contains(d.Causes[0].Cause, "https://lb.example:6443") {
		t.Errorf("%+v", d)
	}
}

func TestAServiceThatDoesNotStart(t *testing.T) {
	n := newNode(t)
	n.manager.status["kubelet"] = service.Status{State: "activating", Restarts: 4, Exit: "exit status 1"}
	n.manager.logs["kubelet"] = []string{
		`I1122 05:17:38.1 17985 server.go:1] "Kubelet version" kubeletVersion="v1.37.0"`,
		`E1122 05:17:38.661793   17985 run.go:72] "command failed" err="failed to validate kubelet configuration, error: kubelet is configured to not run on a host using cgroup v1."`,
	}
	got := Diagnose(context.Background(), n.sources(), n.wait("kubelet-start/kubelet"), errors.New("kubelet did not start"))
	for _, words := range []string{
		"kubelet does not run: exit status 1, after it was started again four times.",
		"Cause: this machine has cgroup version 1", "failCgroupV1: false", "More: /var/log/keelway/kubelet.log",
	} {
		if !strings.Contains(got, words) {
			t.Errorf("%q is not in\n%s", words, got)
		}
	}
}

// The kubelet's complaint about a pod that never got a container.
func TestASandboxThatCannotBeMade(t *testing.T) {
	n := newNode(t)
	n.manager.logs["kubelet"] = []string{
		`E1122 05:17:38.661793   17985 pod_workers.go:1338] "Error syncing pod, skipping" err="failed to \"CreatePodSandbox\": failed to get sandbox image \"registry.k8s.io/pause:3.10.2\": dial tcp: lookup registry.k8s.io: no such host" pod="kube-system/etcd-node-1" podUID="1"`,
	}
	got := Diagnose(context.Background(), n.sources(), n.wait("wait-control-plane/kube-apiserver"), errors.New("timeout"))
	for _, words := range []string{"etcd has no container yet", "Cause: the image registry.k8s.io/pause:3.10.2 is not in the runtime's store"} {
		if !strings.Contains(got, words) {
			t.Errorf("%q is not in\n%s", words, got)
		}
	}
}

// A file that cannot be written is explained by its error alone.
func TestAFullDisk(t *testing.T) {
	n := newNode(t)
	n.ended("etcd", 0, 1, "something else is wrong here too")
	got := Diagnose(context.Background(), n.sources(), n.wait("certs/ca"), errors.New("put /etc/kubernetes/pki/ca.key: no space left on device"))
	if !strings.HasPrefix(got, "Cause: the disk is full: / has 0 MB free (0 %).\nNext: make room on /") || strings.Contains(got, "etcd") {
		t.Errorf("%s", got)
	}
}

func TestNothingIsKnown(t *testing.T) {
	n := newNode(t)
	if got := Diagnose(context.Background(), n.sources(), n.wait("certs/ca"), errors.New("it rains")); got != "" {
		t.Errorf("it says %q", got)
	}
}

func TestExamine(t *testing.T) {
	n := newNode(t)
	n.ended("etcd", 2, 1, `Error: unknown flag: --foo`)
	found, installed := Examine(context.Background(), n.sources())
	if !installed {
		t.Error("it says that there is no cluster")
	}
	var names []string
	for _, d := range found {
		names = append(names, d.Component)
	}
	// What has a file but no container is told of as well, and so is the approver.
	if got := strings.Join(names, " "); got != "etcd kube-apiserver kube-controller-manager kube-scheduler keelway-approver" {
		t.Errorf("found %s", got)
	}
	for _, d := range found {
		if d.Component == "etcd" && (len(d.Causes) != 1 || d.Causes[0].Rule != "flag-unknown") {
			t.Errorf("%+v", d)
		}
	}
}

// Reading must never change the machine, whatever it finds.
func TestDiagnoseOnlyReads(t *testing.T) {
	n := newNode(t)
	n.ended("etcd", 2, 1, `Error: unknown flag: --foo`)
	s := n.sources()
	n.host.Forget()
	Examine(context.Background(), s)
	Diagnose(context.Background(), s, n.wait("wait-control-plane/kube-apiserver"), errors.New("x"))
	for _, c := range n.host.Calls() {
		if c.Writes() && !strings.HasPrefix(c.Path, "df ") && !strings.HasPrefix(c.Path, "ip ") {
			t.Errorf("it does %s %s", c.Op, c.Path)
		}
	}
}

// One cause is told once, and the others only point at it; whoever was stopped
// in good order is not blamed for his last words.
func TestExamineAMachineWhoseKubeletWasStopped(t *testing.T) {
	n := newNode(t)
	n.manager.status["kubelet"] = service.Status{State: "inactive", Exit: "exit status 0"}
	n.manager.logs["kubelet"] = []string{
		`E1122 05:17:38.661793   17985 reflector.go:1] "Failed to watch" err="dial tcp 192.0.2.10:6443: connect: connection refused"`,
	}
	found, _ := Examine(context.Background(), n.sources())
	var rules []string
	for _, d := range found {
		if len(d.Causes) != 1 {
			t.Errorf("%s has %d causes", d.Component, len(d.Causes))
			continue
		}
		rules = append(rules, d.Component+":"+d.Causes[0].Rule)
		if d.Component == "kubelet" && d.Words != nil {
			t.Errorf("its words are told: %v", d.Words)
		}
	}
	want := "kubelet:stopped etcd:needs kube-apiserver:needs kube-controller-manager:needs kube-scheduler:needs keelway-approver:needs"
	if got := strings.Join(rules, " "); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
