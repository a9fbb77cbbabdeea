package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/report"
)

// injectionsWanted is how often something goes wrong at least.
const injectionsWanted = 105

// TestInjections disturbs the making of a cluster of four machines, the removal
// of a control plane, its return, and its replacement after its disk was lost: by
// SIGKILL of keelway or of what runs on the machine, cut connections, a full
// disk, cut power; and does it again at other steps until it was often enough.
// Each time the cluster that comes out is the one of a run that nobody disturbed.
func TestInjections(t *testing.T) {
	long(t)
	file := filepath.Join(t.TempDir(), "cluster.yaml")
	f := newFleet(t, "inject", "--controlplanes", "3", "--workers", "1", "--file", file)
	// cp3's disk is one that can be filled without filling this machine's.
	f.ownDisk("cp3")
	bare := f.inside("cp3")
	apply := []string{"apply", "-f", file, "--bundle", bundle(t), "--yes", "--output", "json"}
	remove := append(slices.Clip(apply), "--remove", "cp3")
	c := &campaign{fleet: f, did: map[string]map[string]int{}}
	defer c.tell()

	if out, code := f.stream(apply, func(report.Event, *os.Process) {}); code != 0 {
		t.Fatalf("apply: exit code %d\n%s", code, out)
	}
	f.ready(4, 3)
	f.mirrored()
	whole := f.normal()
	same := func() {
		t.Helper()
		f.ready(4, 3)
		f.mirrored()
		c.witness.check()
		if left := difference(whole, f.normal()); len(left) > 0 {
			t.Errorf("the cluster differs from an undisturbed one:\n%s", strings.Join(left, "\n"))
		}
	}
	for ; c.round < 6 && (c.round == 0 || c.total() < injectionsWanted); c.round++ {
		must(t, "destroy", "-f", file, "--bundle", bundle(t), "--yes")
		c.walk("create", 6, apply)
		same()
		c.walk("remove", 2, remove)
		if left := difference(bare, f.inside("cp3")); len(left) > 0 {
			t.Errorf("removing cp3 left behind there:\n%s", strings.Join(left, "\n"))
		}
		c.walk("add", 3, apply)
		same()
		f.lose("cp3")
		c.walk("replace", 3, apply)
		same()
		c.witness.end()
		c.witness = nil
	}
	if c.total() < 100 {
		t.Errorf("%d injections, want 100 at least", c.total())
	}
	for _, operation := range []string{"create", "remove", "add", "replace"} {
		for _, kind := range injections {
			if c.did[operation][kind.name] == 0 {
				t.Errorf("%s: never during %s", kind.name, operation)
			}
		}
	}
}

// stream runs keelway and hands over each of its JSON events, and returns what
// it said and its exit code, -1 if it was killed.
func (f fleet) stream(args []string, each func(report.Event, *os.Process)) (said string, code int) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program(f.t), args...)
	cmd.Env = environment(f.t)
	var all bytes.Buffer
	cmd.Stderr = &all
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		f.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	lines := bufio.NewScanner(pipe)
	lines.Buffer(nil, 1<<20)
	var failed []string
	for lines.Scan() {
		var e report.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			f.t.Fatalf("not a JSON event: %q: %v", lines.Text(), err)
		}
		if e.Kind == report.Failed {
			failed = append(failed, lines.Text())
		}
		each(e, cmd.Process)
	}
	_ = cmd.Wait() // its exit code is what is asked for
	if ctx.Err() != nil {
		f.t.Fatalf("keelway %s did not end\n%s", strings.Join(args, " "), strings.Join(failed, "\n"))
	}
	return strings.Join(failed, "\n") + all.String(), cmd.ProcessState.ExitCode()
}

// fourHosts are the machines of this cluster.
var fourHosts = []string{"cp1", "cp2", "cp3", "w1"}

// mirrored waits until the API shows every static pod of every host: a kubelet
// that began before the API did may show one a minute later.
func (f fleet) mirrored() {
	f.t.Helper()
	var want []string
	for _, host := range fourHosts {
		for _, name := range strings.Fields(f.on(host, "cd /etc/kubernetes/manifests && for m in *.yaml; do echo ${m%.yaml}; done")) {
			want = append(want, "pod/"+name+"-"+host)
		}
	}
	waitFor(f.t, 3*time.Minute, "the API to show every static pod", func() (bool, string) {
		there := strings.Fields(f.kubectl("-n kube-system get pods -o name"))
		missing := slices.DeleteFunc(slices.Clone(want), func(p string) bool { return slices.Contains(there, p) })
		return len(missing) == 0, strings.Join(missing, " ")
	})
}

// normal is what stays the same from one run to the next: on each host files
// with their modes, and the content of those that hold no secret, but for the
// members that etcd had in the moment in which one joined; and the cluster's
// objects by kind and name, but for what the witness wrote and for the token of a
// run that was killed, which ends within the hour.
func (f fleet) normal() machine {
	f.t.Helper()
	const script = `find /etc/kubernetes /etc/containerd /etc/cni /opt/cni /usr/lib/systemd/system /usr/bin/kubelet /usr/local/bin /usr/local/sbin /var/lib/kubelet/config.yaml /var/lib/kubelet/kubeadm-flags.env -xdev -printf 'file %p %y %m\n'
for p in /etc/kubernetes/manifests/*.yaml /var/lib/kubelet/config.yaml /var/lib/kubelet/kubeadm-flags.env /etc/containerd/config.toml; do echo "content $p"; grep -v -e --initial-cluster $p; done
systemctl is-active containerd kubelet`
	m := machine{}
	for _, host := range fourHosts {
		file := ""
		for line := range strings.Lines(f.on(host, script+"; true")) {
			line = strings.TrimRight(line, "\n")
			if name, ok := strings.CutPrefix(line, "content "); ok {
				file = name
			}
			m[host+" "+file+" "+line] = "is there"
		}
	}
	kinds := "configmaps,secrets,serviceaccounts,services,daemonsets.apps,deployments.apps,pods,nodes,clusterroles,clusterrolebindings,roles,rolebindings,namespaces"
	for line := range strings.Lines(f.kubectl("get " + kinds + " -A -o name --ignore-not-found")) {
		if strings.HasPrefix(line, "configmap/acknowledged-") || strings.HasPrefix(line, "secret/bootstrap-token-") {
			continue
		}
		m["object "+generated.ReplaceAllString(strings.TrimSpace(line), "-*")] = "is there"
	}
	if len(m) < 500 {
		f.t.Fatalf("looking at the cluster found %d things only", len(m))
	}
	return m
}
