package desired_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
)

func TestRegistries(t *testing.T) {
	t.Parallel()
	story := func(r cluster.Registries) desired.Host {
		m, err := cluster.New(cluster.Options{Facts: machine()})
		if err != nil {
			t.Fatal(err)
		}
		m.Registries = r
		return desired.For(m, 0)
	}
	resource := func(h desired.Host, id string) *desired.Resource {
		if i := slices.IndexFunc(h.Resources, func(r desired.Resource) bool { return r.ID == id }); i >= 0 {
			return &h.Resources[i]
		}
		return nil
	}
	files := func(r *desired.Resource) (paths []string, content map[string]desired.File) {
		content = map[string]desired.File{}
		for _, f := range r.Files {
			paths, content[f.Path] = append(paths, f.Path), f
		}
		return paths, content
	}
	if resource(story(cluster.Registries{}), "runtime/registries") != nil {
		t.Error("`up` has no cluster file, and sets registries")
	}

	none := resource(story(cluster.Registries{Kept: true}), "runtime/registries")
	if paths, content := files(none); !slices.Equal(paths, []string{"/etc/containerd", "/etc/containerd/keelway"}) || content["/etc/containerd/keelway"].Holds == nil || len(content["/etc/containerd/keelway"].Holds) > 0 {
		t.Errorf("with nothing set, what was set before stays: %+v", none.Files)
	}

	h := story(cluster.Registries{
		Kept:  true,
		Proxy: []config.EnvVar{{EnvVar: corev1.EnvVar{Name: "HTTPS_PROXY", Value: "http://u:secret@proxy:3128"}}},
		Mirrors: []cluster.Mirror{
			{Registry: "docker.io", Endpoints: []string{"https://harbor.example/v2/hub", "http://near:5000"}, CA: "PEM"},
			{Registry: "*", Endpoints: []string{"https://all.example"}},
		},
	})
	r := resource(h, "runtime/registries")
	paths, content := files(r)
	if want := []string{
		"/etc/containerd", "/etc/containerd/keelway", "/etc/containerd/keelway/proxy.env", "/etc/containerd/keelway/mirrors",
		"/etc/containerd/keelway/mirrors/docker.io", "/etc/containerd/keelway/mirrors/docker.io/hosts.toml", "/etc/containerd/keelway/mirrors/docker.io/ca.crt",
		"/etc/containerd/keelway/mirrors/_default", "/etc/containerd/keelway/mirrors/_default/hosts.toml",
	}; !slices.Equal(paths, want) {
		t.Errorf("files %v, want %v", paths, want)
	}
	if f := content["/etc/containerd/keelway/proxy.env"]; f.Mode != 0o600 || !f.Secret || string(f.Content) != "HTTPS_PROXY='http://u:secret@proxy:3128'\n" {
		t.Errorf("the proxies are %+v", f)
	}
	if got := string(content["/etc/containerd/keelway/mirrors/docker.io/hosts.toml"].Content); got != `# Written by keelway; see https://containerd.io.
server = "https://registry-1.docker.io"

[host."https://harbor.example/v2/hub"]
  capabilities = ["pull", "resolve"]
  # The path is the whole one, and /v2 is in it.
  override_path = true
  ca = "/etc/containerd/keelway/mirrors/docker.io/ca.crt"

[host."http://near:5000"]
  capabilities = ["pull", "resolve"]
  ca = "/etc/containerd/keelway/mirrors/docker.io/ca.crt"
` {
		t.Errorf("the mirrors are\n%s", got)
	}
	if got := string(content["/etc/containerd/keelway/mirrors/_default/hosts.toml"].Content); strings.Contains(got, "server =") {
		t.Errorf("every registry is one:\n%s", got)
	}
	_, written := files(resource(h, "runtime/config"))
	if !strings.Contains(string(written["/etc/containerd/config.toml"].Content), `config_path = "/etc/containerd/keelway/mirrors"`) ||
		!strings.Contains(string(written["/usr/lib/systemd/system/containerd.service"].Content), "EnvironmentFile=/etc/containerd/keelway/proxy.env\n") {
		t.Error("containerd does not read them")
	}
	service := resource(h, "runtime/containerd")
	if !slices.Contains(service.Service.Reads, "/etc/containerd/keelway/proxy.env") || !slices.Contains(service.After, "runtime/registries") {
		t.Errorf("containerd is not started anew with other proxies: %+v", service)
	}
}
