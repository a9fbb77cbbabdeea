package upgrade_test

import (
	"fmt"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/plan/upgrade"
)

// at is a cluster of two control planes and a worker at one version.
func at(version, etcd, dns string) observed.Versions {
	v := observed.Versions{Proxy: version, DNS: dns}
	for _, node := range []string{"a", "b"} {
		for _, name := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
			v.ControlPlane = append(v.ControlPlane, observed.Running{Component: name, Node: node, Version: version})
		}
		v.ControlPlane = append(v.ControlPlane, observed.Running{Component: "etcd", Node: node, Version: etcd})
	}
	for _, node := range []string{"a", "b", "w"} {
		v.Kubelets = append(v.Kubelets, observed.Running{Component: "kubelet", Node: node, Version: version})
	}
	return v
}

func local(tag string) config.ClusterConfiguration {
	return config.ClusterConfiguration{Etcd: config.Etcd{Local: &config.LocalEtcd{ImageMeta: config.ImageMeta{ImageTag: tag}}}}
}

func lines(list []upgrade.Upgrade) string {
	var b strings.Builder
	for _, u := range list {
		fmt.Fprintf(&b, "%s: %s\n", u.Version, u.Description)
		for _, c := range u.Components {
			fmt.Fprintf(&b, "  %s %s %s -> %s\n", c.Name, c.Node, c.Current, c.Target)
		}
		for _, why := range u.Blocked {
			fmt.Fprintf(&b, "  blocked: %s\n", why)
		}
	}
	return b.String()
}

// TestComponents shows the whole of one upgrade.
func TestComponents(t *testing.T) {
	v := at("v1.36.3", "3.6.16-0", "v1.14.2")
	v.Kubelets[2].Version = "v1.33.4"
	list, err := upgrade.Available(v, local("3.6.16-0"), upgrade.Options{Etcd: true})
	if err != nil {
		t.Fatal(err)
	}
	want := `v1.37.0: stable version
  kubelet w v1.33.4 -> v1.37.0
  kubelet a v1.36.3 -> v1.37.0
  kubelet b v1.36.3 -> v1.37.0
  kube-apiserver a v1.36.3 -> v1.37.0
  kube-apiserver b v1.36.3 -> v1.37.0
  kube-controller-manager a v1.36.3 -> v1.37.0
  kube-controller-manager b v1.36.3 -> v1.37.0
  kube-scheduler a v1.36.3 -> v1.37.0
  kube-scheduler b v1.36.3 -> v1.37.0
  kube-proxy  v1.36.3 -> v1.37.0
  CoreDNS  v1.14.2 -> v1.14.6
  kubeadm  v1.37.0 -> v1.37.0
  etcd a 3.6.16-0 -> 3.7.3-0
  etcd b 3.6.16-0 -> 3.7.3-0
  blocked: node w: kubelet v1.33.4 is more than three minors older than apiserver v1.37.0: upgrade the node first
`
	if got := lines(list); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestTargets holds the versions that are offered to the rules.
func TestTargets(t *testing.T) {
	lagging := at("v1.37.0", "3.7.3-0", "v1.14.6")
	lagging.ControlPlane[5].Version = "v1.36.3"
	for _, row := range []struct {
		name    string
		seen    observed.Versions
		options upgrade.Options
		want    string // "version description", or the error's words after "error: "
	}{
		{"next minor only", at("v1.35.4", "3.6.16-0", "v1.14.6"), upgrade.Options{}, "v1.36.3 version in the v1.36 series"},
		{"patch, then minor", at("v1.35.1", "3.6.16-0", "v1.14.6"), upgrade.Options{}, "v1.35.4 version in the v1.35 series, v1.36.3 version in the v1.36 series"},
		{"newest", at("v1.37.0", "3.7.3-0", "v1.14.6"), upgrade.Options{}, ""},
		{"newer than Keelway's", at("v1.37.4", "3.7.3-0", "v1.14.6"), upgrade.Options{}, ""},
		{"an upgrade that was not finished", lagging, upgrade.Options{}, "v1.37.0 version in the v1.37 series"},
		{"the same, asked for", lagging, upgrade.Options{Version: "v1.37.0"}, "v1.37.0 version in the v1.37 series"},
		{"the cluster's own", at("v1.37.0", "3.7.3-0", "v1.14.6"), upgrade.Options{Version: "v1.37.0"}, ""},
		{"a patch that Keelway has not", at("v1.37.0", "3.7.3-0", "v1.14.6"), upgrade.Options{Version: "v1.37.1"}, "v1.37.1 version in the v1.37 series"},
		{"without v", at("v1.36.3", "3.6.16-0", "v1.14.6"), upgrade.Options{Version: "1.37.0"}, "v1.37.0 stable version"},
		{"a minor", at("v1.36.3", "3.6.16-0", "v1.14.6"), upgrade.Options{Version: "1.37"}, "v1.37.0 stable version"},
		{"two minors", at("v1.35.4", "3.6.16-0", "v1.14.6"), upgrade.Options{Version: "v1.37.0"}, "error: go through v1.36 first"},
		{"back", at("v1.37.0", "3.7.3-0", "v1.14.6"), upgrade.Options{Version: "v1.36.3"}, "error: cannot go from v1.37.0 back to v1.36.3"},
		{"unknown minor", at("v1.37.0", "3.7.3-0", "v1.14.6"), upgrade.Options{Version: "v1.39.0"}, "error: choose one of v1.37.0"},
		{"no version", at("v1.37.0", "3.7.3-0", "v1.14.6"), upgrade.Options{Version: "latest"}, "error: choose one of"},
		{"candidate", at("v1.37.0", "3.7.3-0", "v1.14.6"), upgrade.Options{Version: "v1.37.1-rc.0"}, "error: --allow-release-candidate-upgrades"},
		{"candidate allowed", at("v1.37.0", "3.7.3-0", "v1.14.6"), upgrade.Options{Version: "v1.37.1-rc.0", Candidates: true}, "v1.37.1-rc.0 version in the v1.37 series"},
		{"alpha is no candidate", at("v1.37.0", "3.7.3-0", "v1.14.6"), upgrade.Options{Version: "v1.37.1-alpha.1", Candidates: true}, "error: --allow-experimental-upgrades"},
		{"alpha allowed", at("v1.37.0", "3.7.3-0", "v1.14.6"), upgrade.Options{Version: "v1.37.1-alpha.1", Experimental: true}, "v1.37.1-alpha.1 version in the v1.37 series"},
		{"not kubeadm's", observed.Versions{}, upgrade.Options{}, "error: no API server runs"},
		{"own build", at("mine", "3.7.3-0", ""), upgrade.Options{}, "error: which is no version"},
	} {
		list, err := upgrade.Available(row.seen, local(""), row.options)
		var got []string
		for _, u := range list {
			got = append(got, u.Version+" "+u.Description)
		}
		words, wrong := strings.CutPrefix(row.want, "error: ")
		switch {
		case wrong && (err == nil || !strings.Contains(err.Error(), words)):
			t.Errorf("%s: error %v, want %q", row.name, err, words)
		case !wrong && (err != nil || strings.Join(got, ", ") != row.want):
			t.Errorf("%s: %v %v, want %q", row.name, got, err, row.want)
		}
	}
}

// TestTags: a tag of the user's stays, one that Keelway brought is replaced,
// and nothing goes back.
func TestTags(t *testing.T) {
	for _, row := range []struct{ name, configured, to, current, want string }{
		{"kubeadm's own", "", "v1.37.0", "3.6.8-0", "3.7.0-0"},
		{"kubeadm's own, not back", "", "v1.37.0", "3.7.3-0", "3.7.3-0"},
		{"Keelway's", "3.6.16-0", "v1.37.0", "3.6.16-0", "3.7.3-0"},
		{"Keelway's, within a minor", "3.7.3-0", "v1.37.1", "3.7.3-0", "3.7.3-0"},
		{"the user's", "3.7.2-0", "v1.37.0", "3.7.2-0", "3.7.2-0"},
		{"the user's, of no version", "mine", "v1.37.0", "mine", "mine"},
	} {
		if got := upgrade.EtcdTag(local(row.configured), row.to, row.current); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
	external := config.ClusterConfiguration{Etcd: config.Etcd{External: &config.ExternalEtcd{}}}
	external.DNS.ImageTag = "v9.9.9"
	v := at("v1.36.3", "", "")
	v.DNS, v.Proxy = "v9.9.9", ""
	list, err := upgrade.Available(v, external, upgrade.Options{Etcd: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := lines(list); strings.Contains(got, "etcd") || strings.Contains(got, "kube-proxy") || !strings.Contains(got, "CoreDNS  v9.9.9 -> v9.9.9") {
		t.Errorf("external etcd, no kube-proxy, own CoreDNS:\n%s", got)
	}
}

func TestConfigs(t *testing.T) {
	for _, row := range []struct {
		stored observed.StoredConfig
		want   string
	}{
		{observed.StoredConfig{}, "kubelet.config.k8s.io  v1beta1 false"},
		{observed.StoredConfig{APIVersion: "kubelet.config.k8s.io/v1beta1"}, "kubelet.config.k8s.io v1beta1 v1beta1 false"},
		{observed.StoredConfig{APIVersion: "kubelet.config.k8s.io/v1alpha1"}, "kubelet.config.k8s.io v1alpha1 v1beta1 true"},
		{observed.StoredConfig{APIVersion: "kubelet.config.k8s.io/v1alpha1", Generated: true}, "kubelet.config.k8s.io  v1beta1 false"},
	} {
		c := upgrade.Configs(observed.Versions{KubeletConfig: row.stored})[1]
		if got := fmt.Sprintf("%s %s %s %t", c.Group, c.Current, c.Preferred, c.Manual); got != row.want {
			t.Errorf("%v: %s, want %s", row.stored, got, row.want)
		}
	}
}

// TestKeepMembers: a member that joined keeps those it began with.
func TestKeepMembers(t *testing.T) {
	first := "    - --feature-gates=A=true\n    - --initial-cluster=b=https://192.0.2.2:2380\n    - --listen-metrics-urls=x\n    image: registry.k8s.io/etcd:3.7.3-0\n"
	joined := "    - --initial-cluster=a=https://192.0.2.1:2380,b=https://192.0.2.2:2380\n    - --initial-cluster-state=existing\n    image: localhost:5000/etcd:3.6.16-0\n"
	want := "    - --feature-gates=A=true\n    - --initial-cluster=a=https://192.0.2.1:2380,b=https://192.0.2.2:2380\n    - --initial-cluster-state=existing\n    - --listen-metrics-urls=x\n    image: registry.k8s.io/etcd:3.7.3-0\n"
	if got := upgrade.KeepMembers(first, joined); got != want {
		t.Errorf("got\n%s", got)
	}
	if got := upgrade.KeepMembers(first, first); got != first {
		t.Errorf("the first member changes:\n%s", got)
	}
	if got := upgrade.ImageTag(joined); got != "3.6.16-0" {
		t.Errorf("tag %q", got)
	}
}
