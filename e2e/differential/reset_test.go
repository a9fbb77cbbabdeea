package differential

import "testing"

// TestResetRefusals: both refuse the same before anything is looked at.
func TestResetRefusals(t *testing.T) {
	keelway, kubeadm := peers(t)
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
