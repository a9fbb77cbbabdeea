package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/report"
)

// TestInjections disturbs the making of a cluster of four machines, the removal
// of a control plane, its return, and its replacement after it was lost: by
// SIGKILL of keelway or of what runs on the machine, cut connections, a full
// disk, cut power. What comes out is the cluster of a run that nobody disturbed.
func TestInjections(t *testing.T) {
	long(t)
	file := filepath.Join(t.TempDir(), "cluster.yaml")
	f := newFleet(t, "inject", "--controlplanes", "3", "--workers", "1", "--file", file)
	hosts := []string{"cp1", "cp2", "cp3", "w1"}
	// cp3's disk is one that can be filled without filling this machine's.
	f.ownDisk("cp3")
	apply := []string{"apply", "-f", file, "--bundle", bundle(t), "--yes", "--output", "json"}
	c := &campaign{fleet: f, seen: map[string]bool{}, did: map[string]int{}}

	must(t, apply...)
	f.ready(4, 3)
	undisturbed := f.normal(hosts)
	must(t, "destroy", "-f", file, "--bundle", bundle(t), "--yes")

	c.walk("create", 5, apply)
	f.ready(4, 3)
	c.witness = f.watch()
	c.walk("remove", 2, append(slices.Clip(apply), "--remove", "cp3"))
	c.walk("add", 3, apply)
	f.ready(4, 3)
	f.on("cp3", "keelway down --yes") // as a new machine of the same name
	c.walk("replace", 3, apply)
	f.ready(4, 3)
	c.witness.end()

	for kind, n := range c.did {
		t.Logf("%s: %d times", kind, n)
	}
	if left := difference(undisturbed, f.normal(hosts)); len(left) > 0 {
		t.Errorf("the cluster differs from an undisturbed one:\n%s", strings.Join(left, "\n"))
	}
}

// campaign counts what was done to a fleet, and where.
type campaign struct {
	fleet
	seen    map[string]bool
	did     map[string]int
	next    int
	witness *witness
}

// walk runs a command again and again, disturbs it at a step's beginning or
// end where no run has been before, at one of every so many, and ends when a
// run comes through undisturbed.
func (c *campaign) walk(operation string, every uint32, args []string) {
	c.t.Helper()
	for range 200 {
		kind := injections[c.next%len(injections)]
		var host string
		var heal func()
		out, code := c.stream(args, func(e report.Event, tool *os.Process) {
			key := operation + "/" + e.Host + "/" + e.Step + "/" + string(e.Kind)
			if host != "" || e.Host == "" || e.Step == "" || e.Kind != report.Step && e.Kind != report.Done || c.seen[key] {
				return
			}
			c.seen[key] = true
			if !sampled(key, every) || kind.only != "" && kind.only != e.Host {
				return
			}
			host = e.Host
			c.t.Logf("%s: %s at %s", kind.name, host, key)
			if c.witness != nil && kind.power {
				c.witness.powerless.Store(true)
			}
			heal = kind.do(c.fleet, host, tool)
		})
		if host == "" {
			if code != 0 {
				c.t.Fatalf("%s: undisturbed, exit code %d\n%s", operation, code, out)
			}
			if kind.only == "" {
				return
			}
			c.next++ // this kind has nothing left to disturb
			continue
		}
		c.did[kind.name]++
		c.next++
		if heal != nil {
			heal()
		}
		if c.witness != nil {
			c.witness.powerless.Store(false)
		}
	}
	c.t.Fatalf("%s does not come to an end", operation)
}

// sampled takes one key of so many, always the same ones.
func sampled(key string, every uint32) bool {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(key)) // a hash takes everything
	return sum.Sum32()%every == 0
}

// stream runs keelway and hands over each of its JSON events, and returns what
// it said and its exit code, -1 if it was killed.
func (f fleet) stream(args []string, each func(report.Event, *os.Process)) (said string, code int) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 6*time.Minute)
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

// normal is what stays the same from one run to the next: on each host files
// with their modes, and the content of those that hold no secret, but for the
// members that etcd had in the moment in which one joined; and the cluster's
// objects by kind and name.
func (f fleet) normal(hosts []string) machine {
	f.t.Helper()
	const script = `find /etc/kubernetes /etc/containerd /etc/cni /opt/cni /usr/lib/systemd/system /usr/bin/kubelet /usr/local/bin /usr/local/sbin /var/lib/kubelet/config.yaml /var/lib/kubelet/kubeadm-flags.env -xdev -printf 'file %p %y %m\n'
for p in /etc/kubernetes/manifests/*.yaml /var/lib/kubelet/config.yaml /var/lib/kubelet/kubeadm-flags.env /etc/containerd/config.toml; do echo "content $p"; grep -v -e --initial-cluster $p; done
systemctl is-active containerd kubelet`
	m := machine{}
	for _, host := range hosts {
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
		m["object "+generated.ReplaceAllString(strings.TrimSpace(line), "-*")] = "is there"
	}
	if len(m) < 500 {
		f.t.Fatalf("looking at the cluster found %d things only", len(m))
	}
	return m
}
