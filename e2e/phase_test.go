package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestPhasesByHand goes through the phases of init one by one, as guides do, and
// ends with a node that is Ready.
func TestPhasesByHand(t *testing.T) {
	f := newFleet(t, "hand", "--controlplanes", "1")
	f.runtime("cp1")
	f.on("cp1", "cat > kubeadm.yaml <<'EOF'\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking: {podSubnet: 10.244.0.0/16}\nEOF\n")
	for _, phase := range []string{
		"preflight", "certs all", "kubeconfig all", "etcd local", "control-plane all", "kubelet-start", "wait-control-plane",
		"upload-config all", "mark-control-plane", "bootstrap-token", "kubelet-finalize all", "addon all",
	} {
		command := "/mnt/share/keelway init phase " + phase + " --config kubeadm.yaml --bundle /mnt/share/bundle.tar.zst"
		f.on("cp1", command)
		if phase == "bootstrap-token" {
			continue // asked for by name, it makes one more
		}
		if out := f.on("cp1", command); !strings.Contains(out, "nothing to do") {
			t.Errorf("the phase %s has something to do the second time:\n%s", phase, out)
		}
	}
	waitFor(t, 2*time.Minute, "the node to be Ready and CoreDNS to run", func() (bool, string) {
		out := f.kubectl("get nodes,pods -A --no-headers")
		return strings.Contains(out, " Ready ") && strings.Count(out, "coredns-") == 2 && !strings.Contains(out, "0/1"), out
	})
}
