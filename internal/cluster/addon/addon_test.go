package addon

import (
	"slices"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	t.Parallel()
	objects, problems := Read("web", "web/all.yaml", []byte(`# a comment
apiVersion: v1
kind: Namespace
metadata: {name: web, creationTimestamp: null}
status: {}
---
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Secret
  metadata: {name: s, namespace: web}
  data: {a: Yg==}
- apiVersion: example.com/v1
  kind: Thing
  metadata: {name: t}
  anything: [1, {a: 2}]
`))
	if len(problems) > 0 || len(objects) != 3 {
		t.Fatalf("%d objects, problems %v", len(objects), problems)
	}
	for i, want := range []struct{ ref, at string }{
		{"Namespace web", "web/all.yaml:2"}, {"Secret web/s", "web/all.yaml:11"}, {"Thing t", "web/all.yaml:15"},
	} {
		if o := objects[i]; o.Ref().String() != want.ref || o.At != want.at || o.Source != "web" {
			t.Errorf("object %d is %s of %s at %s, want %+v", i, o.Ref(), o.Source, o.At, want)
		}
	}
	if _, there := objects[0].Object["status"]; there {
		t.Error("the status, which is the server's, is applied")
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, text, want string }{
		{"no kind", "a: 1\n", `m.yaml:1: apiVersion and kind are needed`},
		{"no name", "apiVersion: v1\nkind: Secret\nmetadata: {}\n", "m.yaml:3: Secret metadata.name: it is needed"},
		{"generated", "apiVersion: v1\nkind: Pod\nmetadata:\n  generateName: a-\n", "m.yaml:4: Pod metadata.generateName: give it a name"},
		{"field", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  replica: 2\n", `m.yaml:5: Deployment spec.replica: there is no such field: did you mean "replicas"?`},
		{"second document", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  ports: 80\n", "m.yaml:9: Service spec.ports: it should be a list, and is a number"},
		{"number", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  port: 80\n", "m.yaml:5: ConfigMap data.port: it should be a text, and is a number: put it in quotes"},
		{"not base64", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata:\n  k: '?'\n", "m.yaml:5: Secret data.k: illegal base64"},
		{"twice a key", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {}\ndata: {}\n", "m.yaml:5: "},
		{"server's", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  resourceVersion: '5'\n", "m.yaml:5: ConfigMap metadata.resourceVersion: the server writes it; take it out"},
		{"not YAML", "a: [\n", "m.yaml:"},
	} {
		_, problems := Read("m", "m.yaml", []byte(row.text))
		var all []string
		for _, p := range problems {
			all = append(all, p.String())
		}
		if !strings.Contains(strings.Join(all, "\n"), row.want) {
			t.Errorf("%s: %q, want %q", row.name, all, row.want)
		}
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	objects, problems := Read("m", "m.yaml", []byte(strings.Join([]string{
		"{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: a}}",
		"{apiVersion: example.com/v1, kind: Thing, metadata: {name: a}}",
		"{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}",
		"{apiVersion: v1, kind: Service, metadata: {name: a}}",
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}",
		"{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}}",
		"{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: a}}",
		"{apiVersion: v1, kind: Namespace, metadata: {name: a}}",
	}, "\n---\n")))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	refs := func() (kinds []string, refs []Ref) {
		for _, o := range objects {
			kinds, refs = append(kinds, o.GetKind()), append(refs, o.Ref())
		}
		return kinds, refs
	}
	Sort(objects)
	kinds, all := refs()
	if want := []string{"Namespace", "CustomResourceDefinition", "ServiceAccount", "ConfigMap", "Service", "Deployment", "Thing", "ValidatingWebhookConfiguration"}; !slices.Equal(kinds, want) {
		t.Errorf("applied in the order %v, want %v", kinds, want)
	}
	back := slices.Clone(all)
	SortPrune(back)
	slices.Reverse(all)
	if !slices.Equal(back, all) {
		t.Errorf("pruned in the order %v, want %v", back, all)
	}
	for _, r := range all {
		if again, err := ParseRef(r.Line()); err != nil || again != r {
			t.Errorf("%s is remembered as %v: %v", r, again, err)
		}
	}
	if _, err := ParseRef("a|b"); err == nil {
		t.Error("half a line names an object")
	}
}

func TestTwice(t *testing.T) {
	t.Parallel()
	objects, _ := Read("m", "m.yaml", []byte("{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}\n---\n{apiVersion: apps/v1beta1, kind: Deployment, metadata: {name: a}}\n"))
	if p := Twice(objects); len(p) != 1 || p[0].String() != "m.yaml:3: Deployment a is there twice: also at m.yaml:1" {
		t.Errorf("%v", p)
	}
}
