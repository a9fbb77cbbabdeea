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

// runSuite runs kubeadm's own tests of a cluster, and returns the state of each
// spec by its name.
func runSuite(t *testing.T) map[string]string {
	t.Helper()
	suite, err := filepath.Abs(os.Getenv("KEELWAY_KUBEADM_SUITE"))
	check(t, err)
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, suite, "--kubeconfig=/etc/kubernetes/admin.conf", "--provider=skeleton", "--ginkgo.json-report="+dir+"/report.json", "--ginkgo.no-color")
	cmd.Dir = dir
	out, suiteErr := cmd.CombinedOutput()
	raw, err := os.ReadFile(dir + "/report.json")
	if err != nil {
		t.Fatalf("the suite made no report: %v, %v\n%s", err, suiteErr, out)
	}
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

// compareSpecs wants what passes on kubeadm's cluster to pass on ours, and only
// what is written down to be skipped.
func compareSpecs(t *testing.T, theirs, ours map[string]string) {
	expected, passed := skippedSpecs(), 0
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		if theirs[name] != ours[name] {
			t.Errorf("%s:\nkubeadm's cluster: %s\nKeelway's: %s", name, theirs[name], ours[name])
		}
		switch why, skip := expected[name]; {
		case skip && ours[name] != "skipped":
			t.Errorf("%s is expected to be skipped because %s, and is %s", name, why, ours[name])
		case !skip && ours[name] != "passed":
			t.Errorf("%s: %s", name, ours[name])
		case !skip:
			passed++
		}
		delete(expected, name)
	}
	if len(ours) != len(theirs) || passed < 34 {
		t.Errorf("%d specs on kubeadm's cluster and %d on ours, of which %d passed; at least 34 are wanted", len(theirs), len(ours), passed)
	}
	for name := range expected {
		t.Errorf("no spec is named %q: strike it", name)
	}
	t.Logf("kubeadm's own suite: %d of %d specs passed on both clusters", passed, len(ours))
}
