package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestFleet makes a cluster of five machines from one file over SSH, and grows,
// shrinks, repairs and destroys it.
func TestFleet(t *testing.T) {
	long(t)
	file := filepath.Join(t.TempDir(), "cluster.yaml")
	f := newFleet(t, "fleet", "--controlplanes", "3", "--workers", "2", "--file", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// The lab has no load balancer here: the endpoint is the first control plane.
	whole := strings.Replace(string(text), "spec:\n", "spec:\n  endpoint: cp1:6443\n", 1)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(whole)
	fresh := f.inside("cp2")
	with := func(command string, more ...string) result {
		t.Helper()
		return run(t, append([]string{command, "-f", file, "--bundle", bundle(t)}, more...)...)
	}
	apply := func(says string, more ...string) string {
		t.Helper()
		r := with("apply", append([]string{"--yes"}, more...)...)
		if r.code != 0 || !strings.Contains(r.out, says) {
			t.Fatalf("apply %v: exit code %d, want %q\n%s%s", more, r.code, says, r.out, r.err)
		}
		return r.out
	}

	saved := filepath.Join(t.TempDir(), "plan.json")
	if r := with("plan", "-o", "json", "--out", saved); r.code != 2 || !json.Valid([]byte(r.out)) || !strings.Contains(r.out, `"etcd/ready"`) {
		t.Errorf("plan of five bare machines: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if left := difference(fresh, f.inside("cp2")); len(left) > 0 {
		t.Errorf("plan changed a machine:\n%s", strings.Join(left, "\n"))
	}
	if r := with("apply"); r.code != 2 || !strings.Contains(r.err, "--yes") {
		t.Errorf("apply without a terminal and --yes: exit code %d\n%s", r.code, r.err)
	}
	loggedRun(t, apply("proved: "), "cp1", "cp2", "cp3", "w1", "w2")
	f.ready(5, 3)
	if r := with("plan"); r.code != 0 || !strings.Contains(r.out, "nothing to do") {
		t.Errorf("plan of a finished cluster: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	began := time.Now()
	apply("nothing to do")
	t.Logf("a second apply took %s", time.Since(began).Round(100*time.Millisecond))
	if r := with("apply", "--plan", saved); r.code != 2 || !strings.Contains(r.err+r.out, "are not as they were") {
		t.Errorf("an old plan was done: exit code %d\n%s%s", r.code, r.out, r.err)
	}

	t.Run("every host says how it is", func(t *testing.T) {
		f := f
		f.t = t
		for _, host := range []string{"cp1", "cp2", "w1"} {
			f.status(host, "keelway apply")
		}
		const unit = "/usr/lib/systemd/system/kubelet.service"
		out := f.on("w1", "cp -p "+unit+" /root/unit && echo '# by hand' >> "+unit+" && /mnt/share/keelway status; mv /root/unit "+unit)
		if !strings.Contains(out, "What differs from what `keelway apply` gave this machine:\n  "+unit+" has another content\n") {
			t.Errorf("what was changed by hand on w1 is not named:\n%s", out)
		}
		if out := f.on("w1", "/mnt/share/keelway explain kubelet.conf"); !strings.Contains(out, "user ") || !strings.Contains(out, "`keelway apply`") {
			t.Errorf("explain kubelet.conf on a worker:\n%s", out)
		}
		f.status("w1", "keelway apply")
	})

	labelled := strings.Replace(whole, "name: w1\n", "name: w1\n    zone: east\n    labels: {disk: ssd}\n    taints: [{key: batch, effect: PreferNoSchedule}]\n", 1)
	t.Run("labels and taints come and go", func(t *testing.T) {
		write(labelled)
		apply("as the file says")
		shown := func() string { return f.kubectl("get node w1 -o jsonpath='{.metadata.labels} {.spec.taints}'") }
		if out := shown(); !strings.Contains(out, `"topology.kubernetes.io/zone":"east"`) || !strings.Contains(out, `"disk":"ssd"`) || !strings.Contains(out, `"batch"`) {
			t.Errorf("w1 lacks what the file gives it:\n%s", out)
		}
		f.kubectl("label node w1 theirs=stays")
		write(strings.Replace(whole, "name: w1\n", "name: w1\n    zone: west\n", 1))
		r := with("plan")
		for _, line := range []string{"-  disk: ssd\n", "-  topology.kubernetes.io/zone: east\n", "+  topology.kubernetes.io/zone: west\n", "-- batch:PreferNoSchedule\n", "which the cluster file gave it and no longer names"} {
			if r.code != 2 || !strings.Contains(r.out, line) {
				t.Errorf("plan: exit code %d, want %q\n%s%s", r.code, line, r.out, r.err)
			}
		}
		apply("as the file says")
		if out := shown(); !strings.Contains(out, `"topology.kubernetes.io/zone":"west"`) || strings.Contains(out, `"disk"`) || strings.Contains(out, `"batch"`) || !strings.Contains(out, `"theirs":"stays"`) {
			t.Errorf("w1 has not what the file says, or lacks what others gave it:\n%s", out)
		}
	})
	t.Run("two operators", func(t *testing.T) {
		write(whole)
		results := make(chan result)
		for range 2 {
			go func() { results <- run(t, "apply", "-f", file, "--bundle", bundle(t), "--yes") }()
		}
		one, other := <-results, <-results
		if one.code != 5 {
			one, other = other, one
		}
		if one.code != 5 || other.code != 0 || !strings.Contains(one.out, "another keelway is at work") || !strings.Contains(one.out, "keelway apply") {
			t.Errorf("of two at once one must do it and the other be told: exit codes %d and %d\n%s%s\n%s%s", one.code, other.code, one.out, one.err, other.out, other.err)
		}
		// One with other machines in his file has the Lease, and renews it.
		f.kubectl("create -f - <<END\napiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: keelway, namespace: kube-system}\nspec: {holderIdentity: process 7 on elsewhere, leaseDurationSeconds: 15, acquireTime: \"2026-11-25T12:00:00.000000Z\"}\nEND")
		write(labelled)
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Second):
					_, _ = f.try("cp1", `kubectl --kubeconfig /etc/kubernetes/admin.conf -n kube-system patch lease keelway --type merge -p '{"spec":{"renewTime":"'$(date -u +%Y-%m-%dT%H:%M:%S.%6NZ)'"}}'`)
				}
			}
		}()
		r := with("apply", "--yes")
		if r.code != 5 || !strings.Contains(r.out, "process 7 on elsewhere, since 2026-11-25T12:00:00Z") {
			t.Errorf("a Lease that another renews is no bar: exit code %d\n%s%s", r.code, r.out, r.err)
		}
		close(stop)
		<-stopped
		apply("as the file says") // nobody renews it any more
		if out := f.kubectl("get leases -n kube-system"); strings.Contains(out, "keelway ") {
			t.Errorf("the Lease is not given back:\n%s", out)
		}
		write(whole)
		apply("as the file says")
	})
	t.Run("what was changed where", func(t *testing.T) {
		const unit = "/usr/lib/systemd/system/kubelet.service"
		f.on("w2", "cp "+unit+" /root/unit && echo '# by hand' >> "+unit)
		f.kubectl("label node w1 disk=hdd --overwrite")
		write(strings.Replace(labelled, "name: cp2\n", "name: cp2\n    zone: north\n", 1))
		apply("as the file says") // w1 has its label from the file now
		f.on("w2", "echo '# by hand' >> "+unit)
		f.kubectl("label node w1 disk=hdd --overwrite")
		write(strings.Replace(labelled, "name: cp2\n", "name: cp2\n    zone: south\n", 1))
		r := with("plan", "-o", "json")
		var p struct {
			Stages []struct {
				Hosts []struct {
					Host  string
					Steps []struct {
						ID      string
						Origins []string
						Diffs   []struct{ Text string }
					}
				}
			}
		}
		if err := json.Unmarshal([]byte(r.out), &p); err != nil || r.code != 2 {
			t.Fatalf("exit code %d, %v\n%s%s", r.code, err, r.out, r.err)
		}
		origins := map[string]string{}
		for _, s := range p.Stages {
			for _, h := range s.Hosts {
				for _, one := range h.Steps {
					if len(one.Diffs) > 0 {
						origins[h.Host] += strings.Join(one.Origins, " ") + " " + one.Diffs[0].Text
					}
				}
			}
		}
		for host, words := range map[string][]string{
			"w2": {"host", "-# by hand\n"}, "w1": {"cluster", "-  disk: hdd\n+  disk: ssd\n"}, "cp2": {"file", "-  topology.kubernetes.io/zone: north\n+  topology.kubernetes.io/zone: south\n"},
		} {
			if got := origins[host]; !strings.HasPrefix(got, words[0]+" ") || !strings.Contains(got, words[1]) {
				t.Errorf("%s: want %q, got %q", host, words, got)
			}
		}
		write(whole)
		apply("as the file says")
	})
	t.Run("shrink", func(t *testing.T) {
		small := without(t, without(t, whole, "w2"), "cp3")
		write(small)
		if r := with("plan"); r.code != 0 || !strings.Contains(r.out, "apply --remove w2") || !strings.Contains(r.out, "apply --remove cp3") {
			t.Errorf("plan does not notice what the file leaves out: exit code %d\n%s%s", r.code, r.out, r.err)
		}
		write(whole)
		apply("", "--remove", "w2,cp3")
		for _, host := range []string{"w2", "cp3"} {
			if out, err := f.try(host, "ls /etc/kubernetes"); err == nil {
				t.Errorf("%s was removed and not cleaned:\n%s", host, out)
			}
		}
		write(small)
		f.ready(3, 2)
	})
	t.Run("grow", func(t *testing.T) {
		write(whole)
		apply("as the file says")
		f.ready(5, 3)
	})
	t.Run("a machine is lost and replaced", func(t *testing.T) {
		f.on("cp3", "keelway down --yes") // as a new machine of the same name
		apply("as the file says")
		f.ready(5, 3)
	})
	// One member is the first, one began with it, and one was added.
	t.Run("flags of etcd", func(t *testing.T) {
		flagged := strings.Replace(whole, "spec:\n", "spec:\n  etcd:\n    extraArgs:\n    - {name: max-request-bytes, value: \"2097152\"}\n", 1)
		write(flagged)
		apply("as the file says")
		for _, host := range []string{"cp1", "cp2", "cp3"} {
			if out := f.on(host, "tr '\\0' ' ' </proc/$(pgrep -x etcd)/cmdline"); !strings.Contains(out, "--max-request-bytes=2097152 ") {
				t.Errorf("etcd on %s runs as %s", host, out)
			}
		}
		if r := with("plan"); r.code != 0 || !strings.Contains(r.out, "nothing to do") {
			t.Errorf("plan with the same flags: exit code %d\n%s%s", r.code, r.out, r.err)
		}
	})
	if r := with("destroy", "--yes"); r.code != 0 {
		t.Fatalf("destroy: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if left := difference(fresh, f.inside("cp2")); len(left) > 0 {
		t.Errorf("destroy left behind on cp2:\n%s", strings.Join(left, "\n"))
	}
}

// loggedRun checks that a run has left its log where it said, with a text for each
// host and without the secrets of the run.
func loggedRun(t *testing.T, said string, hosts ...string) {
	t.Helper()
	m := regexp.MustCompile(`log of this run: (\S+)`).FindStringSubmatch(said)
	if m == nil || !strings.HasPrefix(m[1], os.Getenv("XDG_STATE_HOME")) {
		t.Fatalf("where the log of the run is is not said:\n%s", said)
	}
	secret := regexp.MustCompile(`PRIVATE KEY|[a-z0-9]{6}\.[a-z0-9]{16}\b|key-data: [A-Za-z0-9]`)
	files := []string{"events.jsonl"}
	for _, h := range hosts {
		files = append(files, h+".log")
	}
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(m[1], name))
		if err != nil || len(text) == 0 {
			t.Errorf("%s: %v, %d bytes", name, err, len(text))
		}
		if found := secret.Find(text); found != nil {
			t.Errorf("%s holds %q", name, found)
		}
	}
}

// without takes a host out of a cluster file.
func without(t *testing.T, text, host string) string {
	t.Helper()
	entry := regexp.MustCompile(`(?m)^  - address: .*\n(    .*\n|      .*\n)*?    name: ` + host + `\n(    .*\n)*`)
	if !entry.MatchString(text) {
		t.Fatalf("%s is not in the cluster file:\n%s", host, text)
	}
	return entry.ReplaceAllString(text, "")
}
