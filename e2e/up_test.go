package e2e

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/report"
)

// TestUpAgainAndDown is the main job: a cluster that answers, a second run
// that finds nothing to do, and a machine that is as it was.
func TestUpAgainAndDown(t *testing.T) {
	enabled(t)
	others(t)
	before := look(t)
	first := up(t)
	if !strings.Contains(first.out, "proved:") {
		t.Errorf("up does not say what it proved:\n%s", first.out)
	}
	t.Run("what kubeadm's users expect is there", expectKubeadm)
	t.Run("the cluster answers", answers)
	t.Run("secrets are encrypted at rest", encrypted)
	t.Run("the kubelet's serving certificate is the cluster's", serving)
	t.Run("again, nothing to do", again)
	t.Run("what is lost is mended", mended)
	remove(t)
	if left := difference(before, look(t)); len(left) > 0 {
		t.Errorf("after down the machine differs in %d ways:\n%s", len(left), strings.Join(left, "\n"))
	}
}

// others puts things of somebody else on the machine, which have to stay: a
// link, an nftables table, a CNI plugin and its configuration, a kubeconfig.
func others(t *testing.T) {
	t.Helper()
	for _, argv := range [][]string{
		{"ip", "link", "add", "other0", "type", "veth", "peer", "name", "other1"},
	} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", argv, err, out)
		}
	}
	t.Cleanup(func() { _ = exec.Command("ip", "link", "del", "other0").Run() })
	kubeconfig := filepath.Join(home(t), ".kube", "config")
	for path, text := range map[string]string{
		"/etc/cni/net.d/99-other.conflist": `{"cniVersion":"1.0.0","name":"other","plugins":[{"type":"loopback"}]}`,
		"/opt/cni/bin/other":               "#!/bin/sh\n",
		"/etc/crictl.yaml":                 "runtime-endpoint: unix:///run/other.sock\n",
		kubeconfig: "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    server: https://192.0.2.1:6443\n  name: mine\n" +
			"contexts:\n- context:\n    cluster: mine\n    user: me\n  name: mine\ncurrent-context: mine\npreferences: {}\nusers:\n- name: me\n  user: {}\n",
	} {
		if _, err := os.Stat(path); err == nil {
			t.Fatalf("%s exists already: this test puts its own there", path)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			now, err := os.ReadFile(path)
			if err != nil || path != kubeconfig && string(now) != text {
				t.Errorf("%s of somebody else is not as it was: %v\n%s", path, err, now)
			}
			if path == kubeconfig && (!strings.Contains(string(now), "current-context: mine") || strings.Contains(string(now), "keelway")) {
				t.Errorf("the user's kubeconfig is not as it was:\n%s", now)
			}
			_ = os.Remove(path)
			for dir := filepath.Dir(path); os.Remove(dir) == nil; dir = filepath.Dir(dir) {
				continue
			}
		})
	}
}

func expectKubeadm(t *testing.T) {
	var pki int
	_ = filepath.WalkDir("/etc/kubernetes/pki", func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			pki++
			info, _ := e.Info()
			want := fs.FileMode(0o600)
			if strings.HasSuffix(p, ".crt") {
				want = 0o644
			}
			if info.Mode().Perm() != want {
				t.Errorf("%s has mode %04o, want %04o", p, info.Mode().Perm(), want)
			}
		}
		return nil
	})
	if pki != 22 {
		t.Errorf("%d files in /etc/kubernetes/pki, kubeadm makes 22", pki)
	}
	for _, p := range []string{"admin.conf", "super-admin.conf", "kubelet.conf", "controller-manager.conf", "scheduler.conf",
		"manifests/etcd.yaml", "manifests/kube-apiserver.yaml", "manifests/kube-controller-manager.yaml", "manifests/kube-scheduler.yaml"} {
		if info, err := os.Stat("/etc/kubernetes/" + p); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("/etc/kubernetes/%s: %v", p, err)
		}
	}
	for _, name := range []string{"configmap/kubeadm-config", "configmap/kubelet-config", "configmap/coredns", "daemonset/kube-proxy", "deployment/coredns", "service/kube-dns"} {
		kubectl(t, "-n", "kube-system", "get", name)
	}
	kubectl(t, "-n", "kube-public", "get", "configmap/cluster-info")
}

func answers(t *testing.T) {
	// The controllers' startup probes begin ten seconds after their start.
	for _, p := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		kubectl(t, "-n", "kube-system", "wait", "--for=condition=Ready", "--timeout=60s", "pod/"+p+"-"+node(t))
	}
	var pods struct {
		Items []struct {
			Metadata struct{ Name, Namespace string }
			Status   struct {
				Phase             string
				ContainerStatuses []struct {
					Ready        bool
					RestartCount int
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(kubectl(t, "get", "pods", "-A", "-o", "json")), &pods); err != nil {
		t.Fatal(err)
	}
	if len(pods.Items) < 8 {
		t.Errorf("%d pods, want at least etcd, three of the control plane, two CoreDNS, kube-proxy and flannel", len(pods.Items))
	}
	for _, p := range pods.Items {
		for _, c := range p.Status.ContainerStatuses {
			if !c.Ready || c.RestartCount > 0 {
				t.Errorf("%s/%s: %s, ready %v, %d restarts: nothing may crash on the way up", p.Metadata.Namespace, p.Metadata.Name, p.Status.Phase, c.Ready, c.RestartCount)
			}
		}
	}
	if out := kubectl(t, "get", "pods,services,configmaps", "-A", "-l", "keelway.dev/proof", "-o", "name"); out != "" {
		t.Errorf("the proof left something:\n%s", out)
	}
	if out := must(t, "kubectl", "--kubeconfig", filepath.Join(home(t), ".kube", "config"), "--context", "keelway", "get", "nodes").out; !strings.Contains(out, "Ready") {
		t.Errorf("the user's kubeconfig does not reach the cluster:\n%s", out)
	}
}

// encrypted reads a Secret's raw bytes in etcd.
func encrypted(t *testing.T) {
	kubectl(t, "create", "secret", "generic", "keelway-e2e", "--from-literal=word=xyzzy-plain")
	raw := kubectl(t, "-n", "kube-system", "exec", "etcd-"+node(t), "--", "etcdctl",
		"--cacert=/etc/kubernetes/pki/etcd/ca.crt", "--cert=/etc/kubernetes/pki/etcd/server.crt", "--key=/etc/kubernetes/pki/etcd/server.key",
		"get", "/registry/secrets/default/keelway-e2e")
	if strings.Contains(raw, "xyzzy-plain") || !strings.Contains(raw, "k8s:enc:secretbox:v1:") {
		t.Errorf("the Secret is not encrypted at rest: %q", raw)
	}
}

func node(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(strings.TrimPrefix(kubectl(t, "get", "nodes", "-o", "name"), "node/"))
}

func serving(t *testing.T) {
	out := kubectl(t, "get", "csr", "-o", "jsonpath={range .items[*]}{.spec.signerName} {.status.conditions[*].type} {.status.conditions[*].reason}{\"\\n\"}{end}")
	if !strings.Contains(out, "kubernetes.io/kubelet-serving Approved KeelwayApprove") {
		t.Errorf("no serving certificate was approved by the approver:\n%s", out)
	}
}

// again runs up on a finished cluster: nothing to do, quickly, and no file's
// time has moved.
func again(t *testing.T) {
	times := func() map[string]time.Time {
		m := map[string]time.Time{}
		for _, dir := range []string{"/etc", "/usr/bin", "/usr/local", "/usr/lib/systemd", "/opt", home(t)} {
			_ = filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
				if err == nil {
					if info, err := e.Info(); err == nil {
						m[p] = info.ModTime()
					}
				}
				return nil
			})
		}
		return m
	}
	before := times()
	r := must(t, "up")
	if !strings.Contains(r.out, "nothing to do") {
		t.Errorf("a second run found something to do:\n%s", r.out)
	}
	if r.took > 2*time.Second {
		t.Errorf("a second run took %v, more than 2 s", r.took)
	}
	for p, now := range times() {
		if was, ok := before[p]; !ok || !was.Equal(now) {
			t.Errorf("%s was changed by a run that had nothing to do", p)
		}
	}
}

// mended loses a file, an object and a service; up brings back just those.
func mended(t *testing.T) {
	if err := os.Remove("/etc/kubernetes/scheduler.conf"); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "-n", "kube-system", "delete", "service", "kube-dns")
	r := must(t, "up", "--output", "json")
	var done []string
	for line := range strings.Lines(r.out) {
		var e report.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("not a JSON event: %q", line)
		}
		if e.Kind == report.Done && e.Step != "" && e.Phase != "prove" && e.Phase != "bundle" {
			done = append(done, e.Step)
		}
	}
	if got := strings.Join(done, " "); got != "kubeconfig/scheduler addon/coredns-config" {
		t.Errorf("steps %q, want the two for what was lost", got)
	}
}

// TestOneAtATime starts a second keelway while one is at work.
func TestOneAtATime(t *testing.T) {
	enabled(t)
	t.Cleanup(func() { remove(t) })
	var second result
	killed(t, 0, func(e report.Event) bool {
		if e.Kind == report.Step && second.err == "" {
			second = run(t, "up")
		}
		return false
	})
	if second.code != 5 || !strings.Contains(second.err, "another keelway is at work") {
		t.Errorf("the second run ended with %d: %s", second.code, second.err)
	}
}
