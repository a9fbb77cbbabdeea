package e2e

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// skippedSpecs are the specs of kubeadm's suite that do not apply to this
// cluster, and why.
func skippedSpecs() map[string]string {
	return map[string]string{
		"networking [setup-networking] dual-stack podSubnet should be properly configured if specified in kubeadm-config": "the cluster has one family of addresses",
	}
}

// suiteFlags are those of kubeadm's own tests of a cluster, which write what
// became of each spec to a file.
func suiteFlags(file string) []string {
	return []string{"--kubeconfig=/etc/kubernetes/admin.conf", "--provider=skeleton", "--ginkgo.json-report=" + file, "--ginkgo.no-color"}
}

// runSuite runs kubeadm's own tests of a cluster on this machine, and returns
// the state of each spec by its name.
func runSuite(t *testing.T) map[string]string {
	t.Helper()
	suite, err := filepath.Abs(os.Getenv("KEELWAY_KUBEADM_SUITE"))
	check(t, err)
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, suite, suiteFlags(dir+"/report.json")...)
	cmd.Dir = dir
	out, suiteErr := cmd.CombinedOutput()
	raw, err := os.ReadFile(dir + "/report.json")
	if err != nil {
		t.Fatalf("the suite made no report: %v, %v\n%s", err, suiteErr, out)
	}
	return specs(t, raw)
}

// suite runs kubeadm's own tests on cp1, and wants every spec to pass but those
// named. It does nothing where the tests have not been built.
func (f fleet) suite(skipped map[string]string) {
	f.t.Helper()
	if os.Getenv("KEELWAY_KUBEADM_SUITE") == "" {
		f.t.Log("KEELWAY_KUBEADM_SUITE does not name kubeadm's own suite; `make test` sets it")
		return
	}
	out, err := f.try("cp1", "rm -f report.json; HOME=/tmp /mnt/share/e2e_kubeadm.test "+strings.Join(suiteFlags("report.json"), " "))
	raw, readErr := f.try("cp1", "cat report.json")
	if readErr != nil {
		f.t.Fatalf("the suite made no report: %v, %v\n%s", readErr, err, out)
	}
	states := specs(f.t, []byte(raw))
	passed := wantSpecs(f.t, states, skipped)
	f.t.Logf("kubeadm's own suite: %d of %d specs passed, and %d are skipped on purpose", passed, len(states), len(skipped))
	if err != nil {
		f.t.Errorf("the suite failed: %v\n%s", err, out)
	}
}

// specs reads the state of each spec from the report of a run.
func specs(t *testing.T, raw []byte) map[string]string {
	t.Helper()
	var reports []struct {
		SpecReports []struct {
			ContainerHierarchyTexts           []string
			LeafNodeText, LeafNodeType, State string
			Failure                           struct{ Message string }
		}
	}
	check(t, json.Unmarshal(raw, &reports))
	states := map[string]string{}
	for _, r := range reports {
		for _, s := range r.SpecReports {
			if s.LeafNodeType != "It" {
				continue
			}
			name := strings.Join(append(s.ContainerHierarchyTexts, s.LeafNodeText), " ")
			name = strings.TrimPrefix(name, "[sig-cluster-lifecycle] [area-kubeadm] ")
			states[name] = s.State
			if s.State == "failed" {
				states[name] += ": " + s.Failure.Message
			}
		}
	}
	return states
}

// wantSpecs wants every spec to pass but those that are written down to be
// skipped, each of which must be there; it returns how many passed. The suite
// has 39, whatever the cluster.
func wantSpecs(t *testing.T, states, skipped map[string]string) (passed int) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(states)) {
		switch why, skip := skipped[name]; {
		case skip && states[name] != "skipped":
			t.Errorf("%s is expected to be skipped because %s, and is %s", name, why, states[name])
		case !skip && states[name] != "passed":
			t.Errorf("%s: %s", name, states[name])
		case !skip:
			passed++
		}
	}
	for name := range skipped {
		if _, ok := states[name]; !ok {
			t.Errorf("no spec is named %q: strike it", name)
		}
	}
	if len(states) != 39 {
		t.Errorf("kubeadm's own suite has 39 specs, and %d were seen", len(states))
	}
	return passed
}

// compareSpecs wants what passes on kubeadm's cluster to pass on ours, and only
// what is written down to be skipped.
func compareSpecs(t *testing.T, theirs, ours map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		if theirs[name] != ours[name] {
			t.Errorf("%s:\nkubeadm's cluster: %s\nKeelway's: %s", name, theirs[name], ours[name])
		}
	}
	passed := wantSpecs(t, ours, skippedSpecs())
	t.Logf("kubeadm's own suite: %d of %d specs passed on both clusters", passed, len(ours))
}
