package e2e

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"keelway.dev/keelway/internal/report"
)

// TestDownInTheMiddle removes a cluster that is not whole: one that was made up
// to a phase, and one whose making was killed while pods were being started.
func TestDownInTheMiddle(t *testing.T) {
	enabled(t)
	before := look(t)
	same := func(t *testing.T) {
		t.Helper()
		must(t, "down", "--yes")
		if left := difference(before, look(t)); len(left) > 0 {
			t.Errorf("left behind:\n%s", strings.Join(left, "\n"))
		}
	}
	for _, phase := range []string{"runtime", "images", "certs", "kubelet-start"} {
		t.Run("until "+phase, func(t *testing.T) {
			up(t, "--until", phase)
			same(t)
		})
	}
	for _, step := range []string{"kubelet-start/kubelet", "wait-control-plane/kube-apiserver", "addon/coredns"} {
		t.Run("killed at "+step, func(t *testing.T) {
			t.Cleanup(func() { remove(t) })
			at, _ := killed(t, syscall.SIGKILL, func(e report.Event) bool { return e.Step == step })
			if at.Step == "" {
				t.Fatalf("there is no step %s", step)
			}
			same(t)
		})
	}
}

// TestOthersKeepTheirContainers runs somebody else's container in the same
// runtime: down takes the cluster, and leaves them the container.
func TestOthersKeepTheirContainers(t *testing.T) {
	enabled(t)
	before := look(t)
	up(t, "--until", "images")
	theirs := startContainer(t)
	r := must(t, "down", "--yes")
	if !strings.Contains(r.out, "containerd stays") {
		t.Errorf("down does not say that the runtime stays:\n%s", r.out)
	}
	if err := syscall.Kill(theirs.pid, 0); err != nil {
		t.Errorf("the container of others has ended: %v", err)
	}
	if _, err := os.Stat("/etc/kubernetes"); err == nil {
		t.Error("/etc/kubernetes is still there")
	}
	theirs.end()
	if r := must(t, "down", "--yes"); strings.Contains(r.out, "containerd stays") {
		t.Errorf("nothing of others is left, and the runtime stays:\n%s", r.out)
	}
	if left := difference(before, look(t)); len(left) > 0 {
		t.Errorf("left behind:\n%s", strings.Join(left, "\n"))
	}
}
