package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// TestJoinKubeadm has machines join a cluster of the real kubeadm.
func TestJoinKubeadm(t *testing.T) {
	f := newFleet(t, "theirs", "--controlplanes", "2", "--workers", "1")
	f.runtime("cp1", "cp2", "w1")
	f.debian("cp1")
	f.on("cp1", "cat > kubeadm.yaml <<'EOF'\n"+peerConfig+"EOF\n")
	out := f.on("cp1", "/mnt/share/kubeadm init --config kubeadm.yaml --upload-certs --ignore-preflight-errors=all")
	by := invite(t, out)
	f.on("cp1", "/mnt/share/keelway init phase addon flannel --config kubeadm.yaml")
	// Keelway's own commands, on what kubeadm made.
	if out := f.on("cp1", "/mnt/share/keelway certs check-expiration"); !strings.Contains(out, "apiserver-etcd-client") {
		t.Errorf("keelway certs check-expiration on kubeadm's cluster:\n%s", out)
	}
	if out := f.on("cp1", "/mnt/share/keelway upgrade plan v1.37.1"); !strings.Contains(out, "kubeadm upgrade apply v1.37.1") {
		t.Errorf("keelway upgrade plan on kubeadm's cluster:\n%s", out)
	}
	token := strings.TrimSpace(f.on("cp1", "/mnt/share/keelway token create"))
	by.worker = regexp.MustCompile(`--token \S+`).ReplaceAllString(by.worker, "--token "+token)
	f.on("w1", ours+by.worker)
	f.on("cp2", ours+by.control)
	f.ready(3, 2)
	f.on("cp2", "/mnt/share/kubeadm certs check-expiration")
	for host, args := range map[string]string{"w1": by.worker, "cp2": by.control} {
		if out := f.on(host, ours+args); !strings.Contains(out, "nothing to do") {
			t.Errorf("a second join of %s has something to do:\n%s", host, out)
		}
	}
	// The real kubeadm takes out what Keelway joined, and the cluster lives on.
	for _, host := range []string{"w1", "cp2"} {
		out := f.on(host, "/mnt/share/kubeadm reset --force")
		if left := f.on(host, "ls -A /etc/kubernetes/manifests /etc/kubernetes/pki /var/lib/etcd /var/lib/kubelet 2>/dev/null | grep -v ':$' || true"); strings.TrimSpace(left) != "" {
			t.Errorf("kubeadm reset left on %s:\n%s\n%s", host, left, out)
		}
		f.kubectl("delete node " + host)
	}
	f.ready(1, 1)
}

// peerConfig is what the real kubeadm needs to be told on a lab's host: nothing
// that Keelway would not find out by itself.
const peerConfig = `apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.37.0
controlPlaneEndpoint: cp1:6443
networking: {podSubnet: 10.244.0.0/16}
etcd: {local: {imageTag: 3.7.3-0}}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
cgroupDriver: cgroupfs
evictionHard: {memory.available: 100Mi, nodefs.available: 1Gi, imagefs.available: 1Gi}
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
conntrack: {maxPerCore: 0, min: 0}
`
