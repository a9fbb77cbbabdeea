package file_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"keelway.dev/keelway/internal/config"
)

// TestDocumentsArePeers: the real kubeadm 1.37.0, which compat/ builds, accepts
// what becomes of cluster files, for every host.
func TestDocumentsArePeers(t *testing.T) {
	kubeadm := os.Getenv("KEELWAY_KUBEADM")
	if kubeadm == "" {
		t.Skip("KEELWAY_KUBEADM does not name the real kubeadm, which compat/ builds")
	}
	for _, name := range []string{"small", "full", "etcd"} {
		d, err := read(t, name+".yaml").Documents()
		if err != nil {
			t.Fatal(err)
		}
		// kubeadm 1.37 installs 1.36 and 1.37, and how old a cluster may be is not
		// what is held here.
		d.Cluster.KubernetesVersion = "v1.37.0"
		for _, n := range d.Nodes {
			path := filepath.Join(t.TempDir(), "kubeadm.yaml")
			parts := [][]byte{config.Marshal(d.Cluster), config.Marshal(n.Init)}
			if d.Kubelet != nil {
				d.Kubelet.APIVersion, d.Kubelet.Kind = config.KubeletAPIVersion, "KubeletConfiguration"
				parts = append(parts, config.Marshal(d.Kubelet))
			}
			if d.Proxy != nil {
				d.Proxy.APIVersion, d.Proxy.Kind = config.ProxyAPIVersion, "KubeProxyConfiguration"
				parts = append(parts, config.Marshal(d.Proxy))
			}
			if err := os.WriteFile(path, bytes.Join(parts, []byte("---\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(kubeadm, "config", "validate", "--config", path).CombinedOutput(); err != nil {
				t.Errorf("%s, %s: kubeadm refuses it: %v\n%s", name, n.Host.Name, err, out)
			}
		}
	}
}
