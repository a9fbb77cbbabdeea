package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	offline "keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/desired/kubelet"
)

// fleet is a lab of several hosts, which see at /mnt/share what a cluster is
// made from: keelway, the bundle, the real kubeadm, and the kubelet as Debian's
// package has it.
type fleet struct {
	t    *testing.T
	name string
	// share is the folder of this machine that the hosts see at /mnt/share.
	share string
}

func newFleet(t *testing.T, name string, counts ...string) fleet {
	t.Helper()
	enabled(t)
	peer := os.Getenv("KEELWAY_KUBEADM")
	if peer == "" {
		t.Skip("KEELWAY_KUBEADM does not name the real kubeadm; `make test` sets it")
	}
	// What keelway unpacks of a bundle here, for hosts over SSH.
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("XDG_STATE_HOME", t.TempDir()) // the logs of its runs
	before := look(t)
	share := t.TempDir()
	f := fleet{t, name, share}
	copyFile(t, program(t), filepath.Join(share, "keelway"), 0o755)
	copyFile(t, bundle(t), filepath.Join(share, "bundle.tar.zst"), 0o644)
	copyFile(t, peer, filepath.Join(share, "kubeadm"), 0o755)
	if suite := os.Getenv("KEELWAY_KUBEADM_SUITE"); suite != "" {
		copyFile(t, suite, filepath.Join(share, "e2e_kubeadm.test"), 0o755)
	}
	open, err := offline.Open(t.Context(), bundle(t), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kubelet", "etcdctl"} {
		path, _, err := open.Binary(name)
		if err != nil {
			t.Fatal(err)
		}
		copyFile(t, path, filepath.Join(share, name), 0o755)
	}
	for file, text := range map[string][]byte{"kubelet.service": kubelet.Unit(), "10-kubeadm.conf": kubelet.DropIn()} {
		if err := os.WriteFile(filepath.Join(share, file), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(share, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd := exec.CommandContext(context.Background(), program(t), "lab", "delete", "--lab", name, "--yes")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("lab delete: %v\n%s", err, out)
		}
		if left := difference(before, look(t)); len(left) > 0 {
			t.Errorf("the lab left behind:\n%s", strings.Join(left, "\n"))
		}
	})
	must(t, append([]string{"lab", "create", "--lab", name, "--share", share}, counts...)...)
	return f
}

// try runs a command line on a host.
func (f fleet) try(host, command string) (string, error) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program(f.t), "lab", "ssh", "--lab", f.name, host, "--", command)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// on is try for what must end well.
func (f fleet) on(host, command string) string {
	f.t.Helper()
	out, err := f.try(host, command)
	if err != nil {
		f.t.Fatalf("%s: %s: %v\n%s", host, command, err, out)
	}
	return out
}

// kubectl runs on cp1 as the administrator.
func (f fleet) kubectl(command string) string {
	f.t.Helper()
	return f.on("cp1", "kubectl --kubeconfig /etc/kubernetes/admin.conf "+command)
}

// runtime installs the container runtime, the images and the CNI plugins on
// hosts.
func (f fleet) runtime(hosts ...string) {
	f.t.Helper()
	f.together("/mnt/share/keelway up --bundle /mnt/share/bundle.tar.zst --until sysctl", hosts...)
}

// together runs a command line on hosts at the same moment.
func (f fleet) together(command string, hosts ...string) {
	f.t.Helper()
	done := make(chan string)
	for _, h := range hosts {
		go func() {
			out, err := f.try(h, command)
			if err != nil {
				done <- fmt.Sprintf("%s: %v\n%s", h, err, out)
				return
			}
			done <- ""
		}()
	}
	for range hosts {
		if failed := <-done; failed != "" {
			f.t.Error(failed)
		}
	}
	if f.t.Failed() {
		f.t.FailNow()
	}
}

// debian puts the kubelet where its Debian package does, for the real kubeadm.
func (f fleet) debian(host string) {
	f.t.Helper()
	f.on(host, "install -m 755 /mnt/share/kubelet /usr/bin/kubelet && ln -sf kubelet /usr/bin/kubectl"+
		" && install -D -m 644 /mnt/share/kubelet.service /usr/lib/systemd/system/kubelet.service"+
		" && install -D -m 644 /mnt/share/10-kubeadm.conf /usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf"+
		" && systemctl daemon-reload && systemctl enable kubelet")
}

// invitation is what `init` prints for those who join.
type invitation struct{ worker, control string }

// invite takes the flags out of what either program printed.
func invite(t *testing.T, out string) invitation {
	t.Helper()
	token := regexp.MustCompile(`--token [a-z0-9]{6}\.[a-z0-9]{16}`).FindString(out)
	pin := regexp.MustCompile(`--discovery-token-ca-cert-hash sha256:[0-9a-f]{64}`).FindString(out)
	key := regexp.MustCompile(`--certificate-key [0-9a-f]{64}`).FindString(out)
	if token == "" || pin == "" || key == "" {
		t.Fatalf("init does not say how to join:\n%s", out)
	}
	worker := "cp1:6443 " + token + " " + pin
	return invitation{worker, worker + " --control-plane " + key}
}

const (
	ours  = "/mnt/share/keelway join --bundle /mnt/share/bundle.tar.zst "
	peers = "/mnt/share/kubeadm join --ignore-preflight-errors=all "
)

// ready waits until so many nodes are Ready and so many etcd members have a vote.
func (f fleet) ready(nodes, members int) {
	f.t.Helper()
	waitFor(f.t, 3*time.Minute, strconv.Itoa(nodes)+" nodes to be Ready", func() (bool, string) {
		out := f.kubectl("get nodes --no-headers")
		return strings.Count(out, " Ready ") == nodes, out
	})
	waitFor(f.t, 2*time.Minute, "the pods of kube-system to run", func() (bool, string) {
		out := f.kubectl("-n kube-system get pods --no-headers")
		return !slices.ContainsFunc(strings.Split(strings.TrimSpace(out), "\n"), func(l string) bool { return !strings.Contains(l, "1/1") }), out
	})
	out := f.members()
	if strings.Count(out, "started") != members || strings.Count(out, ", false") != members {
		f.t.Errorf("%d members with a vote are wanted:\n%s", members, out)
	}
}

// TestJoin has machines join a cluster of `keelway init` by either program.
func TestJoin(t *testing.T) {
	f := newFleet(t, "join", "--controlplanes", "3", "--workers", "2")
	f.runtime("cp1", "cp2", "cp3", "w1", "w2")
	out := f.on("cp1", "/mnt/share/keelway init --bundle /mnt/share/bundle.tar.zst --pod-network-cidr 10.244.0.0/16 --control-plane-endpoint cp1:6443 --upload-certs")
	by := invite(t, out)
	wrongly(t, f, by)
	f.on("w1", ours+by.worker)
	if out := f.on("w1", ours+by.worker); !strings.Contains(out, "nothing to do") {
		t.Errorf("a second join has something to do:\n%s", out)
	}
	// What a run leaves that was killed between an authority and its key is no external CA.
	f.on("cp2", "mkdir -p /etc/kubernetes/pki && cat > /etc/kubernetes/pki/ca.crt <<'EOF'\n"+f.on("cp1", "cat /etc/kubernetes/pki/ca.crt")+"EOF\n")
	f.killedAt("cp2", "etcd-join|wait-control-plane", ours+by.control, 4)
	f.debian("w2")
	f.on("w2", peers+by.worker)
	f.debian("cp3")
	f.on("cp3", peers+by.control)
	f.ready(5, 3)
	for host, by := range map[string]string{"cp1": "keelway init", "cp2": "keelway join", "w1": "keelway join", "w2": "", "cp3": "keelway up"} {
		f.status(host, by)
	}
	for _, host := range []string{"cp1", "cp2"} {
		if out := f.on(host, "/mnt/share/kubeadm certs check-expiration"); !strings.Contains(out, "apiserver-etcd-client") || strings.Contains(out, "MISSING! ap") {
			t.Errorf("kubeadm certs check-expiration on %s:\n%s", host, out)
		}
	}
	f.on("cp2", "/mnt/share/kubeadm token create --print-join-command")
	if out := f.on("cp3", "/mnt/share/keelway certs check-expiration && /mnt/share/keelway token list"); !strings.Contains(out, "apiserver-etcd-client") {
		t.Errorf("keelway certs check-expiration on kubeadm's control plane:\n%s", out)
	}
	spread(t, f)
	f.suite(skippedSpecs())
	leave(t, f)
}

// status checks that a host says that all of its role is well, and that nothing
// differs from what a command gave it; "" is where nobody has written that down.
func (f fleet) status(host, by string) {
	f.t.Helper()
	type named struct{ Name string }
	var r struct {
		Healthy           bool
		Problems          []string
		Compared          string
		Components, Nodes []named
		Drift             []struct{ Reason string }
	}
	out, err := f.try(host, "/mnt/share/keelway status -o json")
	if wrong := json.Unmarshal([]byte(out), &r); err != nil || wrong != nil || !r.Healthy {
		f.t.Errorf("%s: status: %v, %v\n%s", host, err, wrong, out)
		return
	}
	names := " "
	for _, c := range r.Components {
		names += c.Name + " "
	}
	nodes := len(r.Nodes)
	switch strings.TrimRight(host, "0123456789") {
	case "w": // which may have a load balancer of its own
		if strings.Replace(names, " haproxy", "", 1) != " containerd kubelet flannel kube-proxy " || nodes != 1 {
			f.t.Errorf("%s: status shows%sand %d nodes", host, names, nodes)
		}
	case "lb", "etcd":
		if names != " haproxy " && names != " containerd kubelet etcd " || nodes > 0 {
			f.t.Errorf("%s: status shows%sand %d nodes", host, names, nodes)
		}
	default:
		if !strings.Contains(names, " kube-apiserver ") || nodes < 2 {
			f.t.Errorf("%s: status shows%sand %d nodes", host, names, nodes)
		}
	}
	// What kubeadm makes otherwise than `keelway up` is no fault.
	if r.Compared != by || by != "keelway up" && len(r.Drift) > 0 {
		f.t.Errorf("%s: compared with %q, want %q: %v", host, r.Compared, by, r.Drift)
	}
	if out, err := f.try(host, "/mnt/share/keelway diagnose"); err != nil {
		f.t.Errorf("%s: diagnose: %v\n%s", host, err, out)
	}
}

// wrongly shows invitations that are none: each is refused with its reason, and
// nothing is left on the machine.
func wrongly(t *testing.T, f fleet, by invitation) {
	t.Helper()
	other := regexp.MustCompile(`sha256:[0-9a-f]{64}`)
	pin := other.FindString(by.worker)
	none := "sha256:" + strings.Repeat("0", 64)
	for name, c := range map[string]struct {
		args, says string
		within     time.Duration
	}{
		"a malformed pin":   {strings.Replace(by.worker, pin, "sha256:abc", 1), "64 hexadecimal digits", time.Second},
		"a malformed token": {regexp.MustCompile(`--token \S+`).ReplaceAllString(by.worker, "--token abc"), "not a token of the form", time.Second},
		"a wrong pin":       {strings.Replace(by.worker, pin, none, 1), "has the hash " + pin + ", and you expect " + none, 5 * time.Second},
		"a wrong secret":    {regexp.MustCompile(`(--token [a-z0-9]{6})\.\S+`).ReplaceAllString(by.worker, "$1.0000000000000000"), "the secret after the dot is wrong", 5 * time.Second},
		"no certificate key": {
			strings.Split(by.control, " --certificate-key")[0], "these are missing here: ca.crt", 5 * time.Second,
		},
		"a wrong certificate key": {
			strings.Split(by.control, " --certificate-key")[0] + " --certificate-key " + strings.Repeat("0", 64), "does not open with this certificate key", 5 * time.Second,
		},
		"a node's name that is taken": {by.worker + " --node-name cp1", "a node named cp1 is in the cluster and Ready", 5 * time.Second},
	} {
		began := time.Now()
		out, err := f.try("w1", ours+c.args)
		if time.Since(began) > c.within+time.Second { // something else may have kept this machine busy
			began = time.Now()
			out, err = f.try("w1", ours+c.args)
		}
		if took := time.Since(began); err == nil || !strings.Contains(strings.Join(strings.Fields(out), " "), c.says) || took > c.within+time.Second {
			t.Errorf("%s: %v after %s, want %q within %s:\n%s", name, err, took.Round(time.Millisecond), c.says, c.within, out)
		}
		if out, err := f.try("w1", "ls /etc/kubernetes /var/lib/kubelet"); err == nil {
			t.Errorf("%s left behind:\n%s", name, out)
		}
	}
}

// spread has a pod run on each of two workers.
func spread(t *testing.T, f fleet) {
	t.Helper()
	f.kubectl("create deployment hello --image registry.k8s.io/pause:3.10.2 --replicas 2")
	t.Cleanup(func() { _, _ = f.try("cp1", "kubectl --kubeconfig /etc/kubernetes/admin.conf delete deployment hello") })
	waitFor(t, time.Minute, "two pods on two workers", func() (bool, string) {
		out := f.kubectl("get pods -l app=hello -o wide --no-headers")
		return strings.Count(out, "Running") == 2, out
	})
}
