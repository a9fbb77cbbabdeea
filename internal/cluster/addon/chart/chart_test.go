package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/cluster/addon"
)

// web is the chart of the test data, with files in the place of others.
func web(t *testing.T, change map[string]string) []File {
	t.Helper()
	var files []File
	root := filepath.Join("testdata", "web")
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name := strings.TrimPrefix(path, root+"/")
		if other, ok := change[name]; ok {
			text = []byte(other)
		}
		files = append(files, File{name, text})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func release() Release {
	return Release{Name: "front", Namespace: "shop", Kubernetes: "v1.37.0"}
}

func objects(t *testing.T, files []File) (kept []string, text string) {
	t.Helper()
	for _, f := range files {
		text += string(f.Text)
		found, problems := addon.Read("chart", f.Name, f.Text)
		if len(problems) > 0 {
			t.Errorf("%s: %v", f.Name, problems)
		}
		for _, o := range found {
			if !Apart(o) {
				kept = append(kept, o.Ref().String())
			}
		}
	}
	return kept, text
}

func TestRender(t *testing.T) {
	t.Parallel()
	r := release()
	r.Values = []byte(`{"replicas": 4}`)
	files, err := Render(web(t, nil), r)
	if err != nil {
		t.Fatal(err)
	}
	kept, text := objects(t, files)
	if want := []string{"CustomResourceDefinition things.example.com", "ConfigMap front-low", "Deployment front-web"}; !slices.Equal(kept, want) {
		t.Errorf("objects %v, want %v", kept, want)
	}
	for _, want := range []string{"replicas: 4", "kube: v1.37.0", "managed-by: Helm", `version: "9"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
	r.Values, r.Kinds = []byte(`{"low": {"enabled": false}}`), []string{"example.com/v1", "example.com/v1/Monitor"}
	if files, err = Render(archived(t), r); err != nil {
		t.Fatal(err)
	}
	if kept, _ := objects(t, files); !slices.Equal(kept, []string{"CustomResourceDefinition things.example.com", "Deployment front-web", "Monitor shop/m"}) {
		t.Errorf("from an archive, without the chart below it: %v", kept)
	}
}

// archived is the chart after it was packed as `helm package` does.
func archived(t *testing.T) []File {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	a := tar.NewWriter(z)
	for _, f := range web(t, nil) {
		if strings.HasSuffix(f.Name, ".bak") {
			continue
		}
		if err := a.WriteHeader(&tar.Header{Name: "web/" + f.Name, Mode: 0o644, Size: int64(len(f.Text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Write(f.Text); err != nil {
			t.Fatal(err)
		}
	}
	if a.Close() != nil || z.Close() != nil {
		t.Fatal("cannot pack")
	}
	files, err := FromArchive(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestRefused(t *testing.T) {
	t.Parallel()
	const chart = "apiVersion: v2\nname: web\nversion: 1.2.3\n"
	for _, row := range []struct {
		name   string
		change map[string]string
		wish   func(*Release)
		want   string
	}{
		{"version", nil, func(r *Release) { r.Version = "2.0.0" }, "it has version 1.2.3, and 2.0.0 is asked for"},
		{"Kubernetes", nil, func(r *Release) { r.Kubernetes = "v1.34.0" }, "it needs Kubernetes >=1.35.0, and the cluster has v1.34.0"},
		{"release", nil, func(r *Release) { r.Name = "A" }, "invalid release name"},
		{"schema", nil, func(r *Release) { r.Values = []byte(`{"replicas": "many"}`) }, "replicas"},
		{"dependency", map[string]string{"Chart.yaml": chart + "dependencies: [{name: gone, version: 1.0.0}]\n"}, nil, "the chart gone that it depends on is not in its folder"},
		{"library", map[string]string{"Chart.yaml": chart + "type: library\n"}, nil, "is a library for other charts"},
		{"required", map[string]string{"templates/test.yaml": `a: {{ required "give a host" .Values.host }}`}, nil, "give a host"},
		{"template", map[string]string{"templates/test.yaml": "{{ nothing }}"}, nil, `function "nothing" not defined`},
		{"random", map[string]string{"templates/test.yaml": "a: {{ randAlphaNum 20 }}"}, nil, "templates/test.yaml comes out another way each time"},
		{"the operator's environment", map[string]string{"templates/test.yaml": `a: {{ env "HOME" }}`}, nil, `function "env" not defined`},
	} {
		r := release()
		if row.wish != nil {
			row.wish(&r)
		}
		if _, err := Render(web(t, row.change), r); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", row.name, err, row.want)
		}
	}
	if _, err := Render([]File{{"values.yaml", nil}}, release()); err == nil || !strings.Contains(err.Error(), "Chart.yaml file is missing") {
		t.Errorf("no chart: %v", err)
	}
	if _, err := FromArchive([]byte("text")); err == nil {
		t.Error("a text is an archive")
	}
}
