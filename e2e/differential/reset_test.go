package differential

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var flagLine = regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`)

// flags are those that a help text lists before its global ones.
func flags(help string) []string {
	own, _, _ := strings.Cut(help, "Global Flags:")
	var names []string
	for _, m := range flagLine.FindAllStringSubmatch(own, -1) {
		names = append(names, m[1])
	}
	return names
}

// TestResetSurface holds the flags and phases of reset against the real ones,
// and that both refuse the same before anything is looked at.
func TestResetSurface(t *testing.T) {
	keelway, kubeadm := peers(t)
	for _, command := range []string{"", "phase preflight", "phase remove-etcd-member", "phase cleanup-node", "phase pre-flight", "phase cleanupnode"} {
		args := append(append([]string{"reset"}, strings.Fields(command)...), "--help")
		theirs, ours := run(t, kubeadm, args...), run(t, keelway, args...)
		if !theirs.ok || !ours.ok {
			t.Fatalf("reset %s --help: %s%s", command, theirs.err, ours.err)
		}
		want := flags(theirs.out)
		if len(want) < 2 {
			t.Fatalf("kubeadm's help of reset %s lists %v", command, want)
		}
		for _, f := range want {
			if !slices.Contains(flags(ours.out), f) {
				t.Errorf("keelway reset %s has no --%s", command, f)
			}
		}
	}
	some := file(t, "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\n")
	for _, args := range [][]string{
		{"--config", some, "--force"}, {"--config", some, "--cert-dir", "/x"}, {"--no-such-flag"}, {"phase", "no-such-phase", "--force"},
		{"--config", "/no/such/file"},
	} {
		args := append([]string{"reset", "--dry-run"}, args...)
		if theirs, ours := run(t, kubeadm, args...), run(t, keelway, args...); theirs.ok || ours.ok {
			t.Errorf("%v: kubeadm's answer is %v, keelway's %v", args, theirs.ok, ours.ok)
		}
	}
}
