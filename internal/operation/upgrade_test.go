package operation

import (
	"bytes"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
)

// TestManifestsAt: at the version that it has, a machine's static pods are those
// that were written, whoever made the cluster; at another one only images differ.
func TestManifestsAt(t *testing.T) {
	facts := cluster.Facts{
		Hostname: "node-1", Addresses: []string{"192.0.2.10"}, CgroupVersion: 2, NFTables: true, Systemd: true, OOMScoreAdjustable: true,
		CAFolders: []string{"/etc/ca-certificates"},
	}
	for _, profile := range []cluster.Profile{cluster.Hardened, cluster.Kubeadm} {
		model, err := cluster.New(cluster.Options{Profile: profile, KubernetesVersion: "v1.36.3", Now: time.Unix(0, 0), Facts: facts, CertSANs: []string{"a.example"}, Token: "abcdef.0123456789abcdef"})
		if err != nil {
			t.Fatal(err)
		}
		model.Hosts[0].Init.Timeouts.ControlPlaneComponentHealthCheck = &metav1.Duration{Duration: 7 * time.Minute}
		have := map[string]string{}
		for _, r := range desired.For(model, 0).Resources {
			for _, f := range r.Files {
				if name, ok := strings.CutPrefix(f.Path, manifestDir); ok {
					have[strings.TrimSuffix(name, ".yaml")] = string(f.Content)
				}
			}
		}
		h := hosttest.New("node-1")
		in := upgradeInput{cluster: model.Cluster, init: model.Hosts[0].Init}
		same, err := in.manifestsAt(t.Context(), h, UpgradeOptions{Facts: facts}, "v1.36.3", have["etcd"])
		if err != nil {
			t.Fatal(err)
		}
		next, err := in.manifestsAt(t.Context(), h, UpgradeOptions{Facts: facts}, "v1.37.0", have["etcd"])
		if err != nil {
			t.Fatal(err)
		}
		for name, tags := range map[string]*strings.Replacer{
			"etcd": strings.NewReplacer("etcd:3.6.16-0", "etcd:3.7.3-0"), "kube-apiserver": strings.NewReplacer(":v1.36.3", ":v1.37.0"),
			"kube-controller-manager": strings.NewReplacer(":v1.36.3", ":v1.37.0"), "kube-scheduler": strings.NewReplacer(":v1.36.3", ":v1.37.0"),
		} {
			if have[name] == "" || have[name] != same[name] {
				t.Errorf("%s: %s changes at its own version:\n%s\n%s", profile, name, have[name], same[name])
			}
			if want := tags.Replace(have[name]); next[name] != want || want == have[name] {
				t.Errorf("%s: %s at the next:\n%s\nwant\n%s", profile, name, next[name], want)
			}
		}
	}
}

// TestRemembered finds how a machine was made, and its patches.
func TestRemembered(t *testing.T) {
	init := config.InitConfiguration{NodeRegistration: config.NodeRegistrationOptions{Name: "first"}, Timeouts: &config.Timeouts{ControlPlaneComponentHealthCheck: &metav1.Duration{Duration: time.Hour}}}
	init.APIVersion, init.Kind = config.APIVersion, "InitConfiguration"
	join := config.JoinConfiguration{
		NodeRegistration: config.NodeRegistrationOptions{Name: "second"},
		ControlPlane:     &config.JoinControlPlane{LocalAPIEndpoint: config.APIEndpoint{AdvertiseAddress: "192.0.2.11", BindPort: 7443}},
	}
	join.APIVersion, join.Kind = config.APIVersion, "JoinConfiguration"
	for _, row := range []struct {
		name          string
		files         map[string][]byte
		node, patches string
		options       UpgradeOptions
	}{
		{"kubeadm", nil, "", "", UpgradeOptions{}},
		{"kubeadm, with a folder", nil, "", "/p", UpgradeOptions{Patches: "/p"}},
		{"init", map[string][]byte{initDir + "/config.yaml": config.Marshal(init)}, "first", "", UpgradeOptions{}},
		{"init with patches", map[string][]byte{initDir + "/config.yaml": config.Marshal(init), initDir + "/patches/etcd.yaml": []byte("{}")}, "first", initDir + "/patches", UpgradeOptions{}},
		{"init with other patches", map[string][]byte{initDir + "/config.yaml": config.Marshal(init), initDir + "/patches/etcd.yaml": []byte("{}")}, "first", "/p", UpgradeOptions{Patches: "/p"}},
		{"join", map[string][]byte{joinDir + "/config.yaml": config.Marshal(join), joinDir + "/patches/etcd.yaml": []byte("{}")}, "second", joinDir + "/patches", UpgradeOptions{}},
	} {
		h := hosttest.New("node-1")
		for path, data := range row.files {
			if err := h.Put(t.Context(), host.Entry{Path: path, Mode: 0o600}, bytes.NewReader(data)); err != nil {
				t.Fatal(err)
			}
		}
		in := &upgradeInput{}
		got, err := in.remembered(t.Context(), h)
		if err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		folder, err := in.findPatches(t.Context(), h, row.options)
		if err != nil || got.NodeRegistration.Name != row.node || folder != row.patches {
			t.Errorf("%s: node %q, patches %q, %v", row.name, got.NodeRegistration.Name, folder, err)
		}
		if row.name == "join" && got.LocalAPIEndpoint != join.ControlPlane.LocalAPIEndpoint {
			t.Errorf("join: endpoint %v", got.LocalAPIEndpoint)
		}
	}
}
