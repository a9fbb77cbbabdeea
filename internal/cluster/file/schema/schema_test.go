package schema_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/cluster/file/schema"
	"keelway.dev/keelway/internal/config/document"
)

// TestFresh holds the committed schema and reference to the types.
func TestFresh(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func() ([]byte, error){"cluster.schema.json": schema.JSON, "cluster-file.md": schema.Markdown} {
		want, err := make()
		if err != nil {
			t.Fatal(err)
		}
		have, err := os.ReadFile(filepath.Join("../../../../docs/reference", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, want) {
			t.Errorf("docs/reference/%s is not what the types say: make docs", name)
		}
	}
}

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := schema.JSON()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("cluster.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("cluster.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func instance(t *testing.T, text []byte) any {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestAccepts: the files that are documented, and those that tests read, are
// valid by the schema too.
func TestAccepts(t *testing.T) {
	t.Parallel()
	s := compile(t)
	files, err := filepath.Glob("../testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, "../example/testdata/cluster.yaml")
	checked := 0
	for _, path := range files {
		if strings.HasSuffix(path, ".documents.yaml") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		checked++
		if err := s.Validate(instance(t, text)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if checked < 7 {
		t.Errorf("only %d files were checked", checked)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	s := compile(t)
	const head = "apiVersion: keelway.dev/v1\nkind: Cluster\nmetadata: {name: a}\nspec:\n  kubernetesVersion: v1.37.0\n"
	const host = "  hosts: [{name: a, address: 192.0.2.1, roles: [controlplane]}]\n"
	if err := s.Validate(instance(t, []byte(head+host))); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"another kind":  strings.Replace(head+host, "kind: Cluster", "kind: Pod", 1),
		"no hosts":      head,
		"unknown field": head + host + "  endpiont: a\n",
		"role":          head + strings.Replace(host, "controlplane", "master", 1),
		"a number":      head + host + "  endpoint: 5\n",
		"duration":      head + host + "  certificates: {validity: a year}\n",
		"deep":          head + strings.Replace(host, "name: a,", "name: a, ssh: {prt: 22},", 1),
	} {
		if err := s.Validate(instance(t, []byte(text))); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestFields: every field has a meaning, and the list has every field.
func TestFields(t *testing.T) {
	t.Parallel()
	fields, err := schema.Fields()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]schema.Field{}
	for _, f := range fields {
		if len(strings.Fields(f.Meaning)) < 2 && f.Path != "kind" && f.Path != "apiVersion" || strings.Contains(f.Meaning, "Default:") {
			t.Errorf("%s means %q: its comment should say what it is", f.Path, f.Meaning)
		}
		if _, twice := seen[f.Path]; twice {
			t.Errorf("%s is there twice", f.Path)
		}
		seen[f.Path] = f
	}
	for _, f := range document.Fields(reflect.TypeFor[file.Spec]()) {
		if _, ok := seen["spec."+f.Name]; !ok {
			t.Errorf("spec.%s is not in the list", f.Name)
		}
	}
	port := seen["spec.hosts[].ssh.port"]
	if port.Kind != "number" || port.Required || !seen["spec.hosts[].roles"].Required || seen["spec.network.pods"].Default != "10.244.0.0/16" {
		t.Errorf("what is said of fields is wrong: %+v", port)
	}
}
