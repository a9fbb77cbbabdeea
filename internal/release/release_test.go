package release_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/util/version"

	"keelway.dev/keelway/internal/release"
)

func TestFor(t *testing.T) {
	rows := []struct{ ask, want string }{
		{"v1.37.0", "v1.37.0"},
		{"1.37.0", "v1.37.0"},
		{"v1.36", "v1.36.3"},
		{"1.35", "v1.35.4"},
		{"v1.35.5", ""},
		{"1.3", ""},
		{"v", ""},
		{"", ""},
		{"latest", ""},
	}
	for _, row := range rows {
		got, err := release.For(row.ask)
		if got.Kubernetes != row.want || (err == nil) != (row.want != "") {
			t.Errorf("For(%q) = %q, %v; want %q", row.ask, got.Kubernetes, err, row.want)
		}
	}
}

func TestEveryVersionIsWholeAndFixed(t *testing.T) {
	fixed := map[string]string{"v3.5": "3.5.33", "v3.6": "3.6.14", "v3.7": "3.7.1"}
	for _, r := range release.All() {
		for _, c := range r.Components() {
			if _, err := version.ParseSemantic(c.Version); err != nil || c.Version[0] != 'v' {
				t.Errorf("%s: %s has version %q: %v", r.Kubernetes, c.Name, c.Version, err)
			}
		}
		if version.MustParseSemantic(r.Etcd).LessThan(version.MustParseSemantic(fixed[release.Minor(r.Etcd)])) {
			t.Errorf("%s: etcd %s is below the fixed %s", r.Kubernetes, r.Etcd, fixed[release.Minor(r.Etcd)])
		}
		for _, name := range release.Images() {
			if r.Image(name) == "" || r.Tag(name) == "" {
				t.Errorf("%s: image %s has no reference", r.Kubernetes, name)
			}
		}
	}
}

func TestImage(t *testing.T) {
	want := map[string]string{
		"etcd":       "registry.k8s.io/etcd:3.7.3-0",
		"coredns":    "registry.k8s.io/coredns/coredns:v1.14.6",
		"pause":      "registry.k8s.io/pause:3.10.2",
		"kube-proxy": "registry.k8s.io/kube-proxy:v1.37.0",
		"flannel":    "ghcr.io/flannel-io/flannel:v0.26.7",
		"nginx":      "",
	}
	for name, reference := range want {
		if got := release.All()[0].Image(name); got != reference {
			t.Errorf("Image(%q) = %q, want %q", name, got, reference)
		}
	}
}

func TestCheckUpgrade(t *testing.T) {
	rows := []struct {
		from, to string
		legal    bool
	}{
		{"v1.35.4", "v1.35.4", true},
		{"v1.35.4", "v1.35.9", true},
		{"v1.35.4", "v1.36.3", true},
		{"v1.36.3", "v1.37.0", true},
		{"v1.35.4", "v1.37.0", false},
		{"v1.37.0", "v1.36.3", false},
		{"v1.36.3", "v1.36.2", false},
		{"v1.99.0", "v2.0.0", false},
		{"1.36", "v1.37.0", false},
		{"v1.36.0", "", false},
	}
	for _, row := range rows {
		if err := release.CheckUpgrade(row.from, row.to); (err == nil) != row.legal {
			t.Errorf("CheckUpgrade(%s, %s) = %v, legal should be %v", row.from, row.to, err, row.legal)
		}
	}
}

func TestCheckKubelet(t *testing.T) {
	rows := []struct {
		kubelet, apiserver string
		legal              bool
	}{
		{"v1.37.0", "v1.37.0", true},
		{"v1.34.0", "v1.37.0", true},
		{"v1.37.5", "v1.37.0", true},
		{"v1.33.9", "v1.37.0", false},
		{"v1.37.0", "v1.36.3", false},
		{"", "v1.36.3", false},
		{"v1.36.3", "x", false},
	}
	for _, row := range rows {
		if err := release.CheckKubelet(row.kubelet, row.apiserver); (err == nil) != row.legal {
			t.Errorf("CheckKubelet(%s, %s) = %v, legal should be %v", row.kubelet, row.apiserver, err, row.legal)
		}
	}
}
