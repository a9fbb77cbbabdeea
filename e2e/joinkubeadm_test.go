package e2e

import (
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
	f.on("w1", ours+by.worker)
	f.on("cp2", ours+by.control)
	f.ready(3, 2)
	f.on("cp2", "/mnt/share/kubeadm certs check-expiration")
	for host, args := range map[string]string{"w1": by.worker, "cp2": by.control} {
		if out := f.on(host, ours+args); !strings.Contains(out, "nothing to do") {
			t.Errorf("a second join of %s has something to do:\n%s", host, out)
		}
	}
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
