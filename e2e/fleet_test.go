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
	if r := with("plan", "-o", "json", "--out", saved); r.code != 2 || !json.Valid([]byte(r.out)) || !strings.Contains(r.out, `"etcd-join/member"`) {
		t.Errorf("plan of five bare machines: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if left := difference(fresh, f.inside("cp2")); len(left) > 0 {
		t.Errorf("plan changed a machine:\n%s", strings.Join(left, "\n"))
	}
	if r := with("apply"); r.code != 2 || !strings.Contains(r.err, "--yes") {
		t.Errorf("apply without a terminal and --yes: exit code %d\n%s", r.code, r.err)
	}
	apply("proved: ")
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

	t.Run("a label", func(t *testing.T) {
		write(strings.Replace(whole, "name: w1\n", "name: w1\n    zone: east\n", 1))
		apply("as the file says")
		if out := f.kubectl("get node w1 --show-labels"); !strings.Contains(out, "topology.kubernetes.io/zone=east") {
			t.Errorf("w1 has no label:\n%s", out)
		}
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
	if r := with("destroy", "--yes"); r.code != 0 {
		t.Fatalf("destroy: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if left := difference(fresh, f.inside("cp2")); len(left) > 0 {
		t.Errorf("destroy left behind on cp2:\n%s", strings.Join(left, "\n"))
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
