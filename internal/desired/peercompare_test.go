package desired_test

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/pki"
)

// compareFiles compares every file and folder of the peer's folders, bytes and modes.
func compareFiles(t *testing.T, p peer, host desired.Host) {
	t.Helper()
	for _, r := range host.Resources {
		for _, f := range r.Files {
			ours := !strings.HasPrefix(f.Path, "/etc/kubernetes/manifests") && !strings.HasPrefix(f.Path, "/var/lib/kubelet/")
			if ours || strings.HasSuffix(f.Path, "/pki") {
				continue
			}
			info, err := os.Lstat(filepath.Join(p.root, f.Path))
			if err != nil {
				t.Errorf("kubeadm does not make %s: %v", f.Path, err)
				continue
			}
			if info.Mode() != f.Mode {
				t.Errorf("%s has mode %s, kubeadm's %s", f.Path, f.Mode, info.Mode())
			}
			if f.Mode&fs.ModeDir != 0 {
				continue
			}
			if want := p.read(t, f.Path); !bytes.Equal(want, f.Content) {
				t.Errorf("%s is not kubeadm's: %s", f.Path, diff(string(want), string(f.Content)))
			}
		}
	}
}

// compareTrust checks the peer's certificates and kubeconfigs against the
// specs, and that there is one of each.
func compareTrust(t *testing.T, p peer, host desired.Host) {
	t.Helper()
	for _, r := range host.Resources {
		if r.Component == "keelway-approver" {
			continue
		}
		switch {
		case r.Certificate != nil:
			spec := *r.Certificate
			parent, err := pki.ParseCert(p.read(t, spec.ParentCertPath()))
			if err != nil {
				t.Fatal(err)
			}
			for _, problem := range pki.Check(p.read(t, spec.CertPath()), p.read(t, spec.KeyPath()), spec, parent, time.Now()) {
				t.Errorf("kubeadm's %s: %v", spec.Name, problem)
			}
		case r.Kubeconfig != nil:
			k := *r.Kubeconfig
			k.ClientFile = ""
			ca, err := pki.ParseCert(p.read(t, k.CADir+"/ca.crt"))
			if err != nil {
				t.Fatal(err)
			}
			for _, problem := range pki.CheckKubeconfig(p.read(t, k.Path), k, ca, time.Now()) {
				t.Errorf("kubeadm's %s: %v", k.Path, problem)
			}
		case r.Keypair != nil:
			p.read(t, r.Keypair.Private)
			p.read(t, r.Keypair.Public)
		}
	}
}

// compareObjects compares every object that the peer sent with the desired one.
func compareObjects(t *testing.T, p peer, m *cluster.Model, host desired.Host, api *recorder) {
	t.Helper()
	ca := base64.StdEncoding.EncodeToString(p.read(t, m.Cluster.CertificatesDir+"/ca.crt"))
	ours := map[string]map[string]any{}
	for _, r := range host.Resources {
		for _, o := range r.Objects {
			u, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o.Object)
			if err != nil {
				t.Fatal(err)
			}
			text := string(config.Marshal(plain(u)))
			if o.Embed != nil {
				text = strings.ReplaceAll(text, o.Embed.Placeholder, ca)
			}
			ours[identity(u)] = map[string]any{"text": text, "resource": r.ID}
		}
	}
	for id, object := range api.objects {
		want := string(config.Marshal(plain(object)))
		mine, ok := ours[id]
		if strings.HasPrefix(id, "Secret/kube-system/bootstrap-token-") {
			if len(m.Hosts[0].Init.BootstrapTokens) == 0 {
				continue // kubeadm makes one unasked
			}
			want, mine["text"] = withoutEnd(t, m, want), withoutEnd(t, m, mine["text"].(string))
		}
		if !ok {
			t.Errorf("kubeadm makes %s, which is not desired", id)
			continue
		}
		if id == "ConfigMap/kube-public/cluster-info" {
			shared, local := m.Cluster.ControlPlaneURL(m.Hosts[0].Init.LocalAPIEndpoint), "https://"+m.Hosts[0].Init.LocalAPIEndpoint.HostPort()
			want = strings.ReplaceAll(want, local, shared)
		}
		if want != mine["text"] {
			t.Errorf("%s (%s) is not kubeadm's: %s", id, mine["resource"], diff(want, mine["text"].(string)))
		}
		delete(ours, id)
	}
	node := "Node//" + host.Name
	patched, _ := plain(api.patch).(map[string]any)
	patched["apiVersion"], patched["kind"] = "v1", "Node"
	meta := patched["metadata"].(map[string]any)
	meta["name"] = host.Name
	if want := string(config.Marshal(patched)); ours[node] == nil || ours[node]["text"] != want {
		t.Errorf("the node is not marked as kubeadm does:\n%s\n%v", want, ours[node]["text"])
	}
	delete(ours, node)
	for id, o := range ours {
		resource := o["resource"].(string)
		if resource != "addon/flannel" && resource != "approver/rbac" && id != "ClusterRoleBinding//kubeadm:cluster-admins" {
			t.Errorf("%s (%s) is desired, and kubeadm does not make it", id, resource)
		}
	}
}

// withoutEnd checks that a token ends when the model says, and takes the time out.
func withoutEnd(t *testing.T, m *cluster.Model, secret string) string {
	t.Helper()
	lines := strings.Split(secret, "\n")
	for i, line := range lines {
		encoded, ok := strings.CutPrefix(line, "  expiration: ")
		if !ok {
			continue
		}
		text, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			t.Fatal(err)
		}
		end, err := time.Parse(time.RFC3339, string(text))
		if err != nil {
			t.Fatal(err)
		}
		if off := end.Sub(m.Now.Add(24 * time.Hour)).Abs(); off > 2*time.Minute {
			t.Errorf("a token ends %s off", off)
		}
		lines[i] = "  expiration: a day later"
	}
	return strings.Join(lines, "\n")
}
