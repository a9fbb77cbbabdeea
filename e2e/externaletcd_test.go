package e2e

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	offline "keelway.dev/keelway/internal/bundle"
)

// etcdProgram takes etcd, which hosts have in an image only, out of the bundle.
func etcdProgram(t *testing.T, to string) {
	t.Helper()
	b, err := offline.Open(t.Context(), bundle(t), t.TempDir())
	check(t, err)
	for _, i := range b.Images() {
		for _, digest := range i.Layers {
			if !strings.Contains(i.Reference, "/etcd:") {
				continue
			}
			layer, err := offline.OpenLayer(filepath.Join(b.Folder, offline.BlobPath(digest)))
			check(t, err)
			defer layer.Close()
			for files := tar.NewReader(layer); ; {
				file, err := files.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				check(t, err)
				if file.Name == "usr/local/bin/etcd" {
					program, err := io.ReadAll(files)
					check(t, err)
					check(t, os.WriteFile(to, program, 0o755))
					return
				}
			}
		}
	}
	t.Fatal("no layer of the bundle's image of etcd holds usr/local/bin/etcd")
}

// hand carries a file from one host to another, with the mode of a key.
func (f fleet) hand(from, to string, paths ...string) {
	f.t.Helper()
	for _, path := range paths {
		text := f.on(from, "cat "+path)
		cmd := exec.CommandContext(f.t.Context(), program(f.t), "lab", "ssh", "--lab", f.name, to, "--", "mkdir -p "+filepath.Dir(path)+" && umask 077 && cat > "+path)
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil {
			f.t.Fatalf("%s to %s: %v\n%s", path, to, err, out)
		}
	}
}

// TestExternalEtcd makes a cluster whose etcd runs on a machine of its own, set up
// by hand as kubeadm's documents have it, and whose images are named after a
// registry that nobody can reach.
func TestExternalEtcd(t *testing.T) {
	f := newFleet(t, "outside", "--controlplanes", "2", "--workers", "1", "--loadbalancers", "1")
	etcdProgram(t, filepath.Join(f.share, "etcd"))
	f.runtime("cp1", "cp2", "w1")
	for _, name := range []string{"etcd-ca", "etcd-server", "etcd-peer", "etcd-healthcheck-client", "apiserver-etcd-client"} {
		f.on("lb1", "/mnt/share/keelway init phase certs "+name)
	}
	const pki = "/etc/kubernetes/pki/"
	address := f.addresses("lb1")[0]
	f.on("lb1", strings.ReplaceAll("systemd-run --unit etcd /mnt/share/etcd --name lb1 --data-dir /var/lib/etcd-outside"+
		" --listen-client-urls https://ADDRESS:2379 --advertise-client-urls https://ADDRESS:2379"+
		" --listen-peer-urls https://ADDRESS:2380 --initial-advertise-peer-urls https://ADDRESS:2380 --initial-cluster lb1=https://ADDRESS:2380"+
		" --client-cert-auth --trusted-ca-file "+pki+"etcd/ca.crt --cert-file "+pki+"etcd/server.crt --key-file "+pki+"etcd/server.key"+
		" --peer-client-cert-auth --peer-trusted-ca-file "+pki+"etcd/ca.crt --peer-cert-file "+pki+"etcd/peer.crt --peer-key-file "+pki+"etcd/peer.key", "ADDRESS", address))
	f.on("cp1", fmt.Sprintf(`cat > init.yaml <<'EOF'
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
controlPlaneEndpoint: cp1:6443
imageRepository: registry.example.com/k8s
networking: {podSubnet: 10.244.0.0/16}
etcd: {external: {endpoints: ["https://%s:2379"], caFile: %setcd/ca.crt, certFile: %sapiserver-etcd-client.crt, keyFile: %sapiserver-etcd-client.key}}
EOF
`, address, pki, pki, pki))
	const init = "/mnt/share/keelway init --bundle /mnt/share/bundle.tar.zst --config init.yaml --upload-certs"
	// Without the client's certificate nothing is begun.
	if out, err := f.try("cp1", init); err == nil || !strings.Contains(out, "ExternalEtcdClientCertificates") {
		t.Errorf("init without the certificates for etcd: %v\n%s", err, out)
	}
	f.hand("lb1", "cp1", pki+"etcd/ca.crt", pki+"apiserver-etcd-client.crt", pki+"apiserver-etcd-client.key")
	by := invite(t, f.on("cp1", init))
	f.on("w1", ours+by.worker)
	f.on("cp2", ours+by.control)
	f.answers(3)
	for host, args := range map[string]string{"w1": ours + by.worker, "cp2": ours + by.control, "cp1": strings.TrimSuffix(init, " --upload-certs")} {
		if out := f.on(host, args); !strings.Contains(out, "nothing to do") {
			t.Errorf("a second run on %s has something to do:\n%s", host, out)
		}
	}
	if out := f.on("cp2", "ls /etc/kubernetes/manifests /var/lib/etcd /etc/kubernetes/pki/etcd 2>&1 || true"); strings.Contains(out, "etcd.yaml") || strings.Contains(out, "member") || strings.Contains(out, "server.crt") {
		t.Errorf("a control plane of an external etcd has one of its own:\n%s", out)
	}
	images := f.kubectl("-n kube-system get pods -o 'jsonpath={.items[*].spec.containers[*].image}'")
	for image := range strings.FieldsSeq(images) {
		if !strings.HasPrefix(image, "registry.example.com/k8s/") {
			t.Errorf("a pod runs %s, which is not named after the chosen registry", image)
		}
	}
	keys := "ETCDCTL_API=3 /mnt/share/etcdctl --endpoints https://" + address + ":2379 --cacert " + pki + "etcd/ca.crt --cert " + pki + "etcd/healthcheck-client.crt --key " + pki + "etcd/healthcheck-client.key get /registry/namespaces --prefix --keys-only"
	for _, host := range []string{"cp2", "cp1"} {
		if out := f.on(host, "/mnt/share/keelway reset --force"); !strings.Contains(out, "the external etcd at https://"+address) {
			t.Errorf("reset of %s does not say that etcd's data stays:\n%s", host, out)
		}
		if out := f.on("lb1", keys); !strings.Contains(out, "/registry/namespaces/kube-system") {
			t.Errorf("after reset of %s etcd holds:\n%s", host, out)
		}
	}
}
