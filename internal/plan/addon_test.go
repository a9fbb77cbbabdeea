package plan

import (
	"slices"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/cluster/addon"
)

func addonsOf(t *testing.T, source string, documents ...string) []addon.Object {
	t.Helper()
	objects, problems := addon.Read(source, source, []byte(strings.Join(documents, "\n---\n")))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return objects
}

func TestAddons(t *testing.T) {
	t.Parallel()
	const (
		space   = "{apiVersion: v1, kind: Namespace, metadata: {name: web}}"
		kind    = "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: things.example.com}}"
		config  = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: web}}"
		work    = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: web}}"
		webhook = "{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: w}}"
		system  = "{apiVersion: v1, kind: Namespace, metadata: {name: kube-system}}"
	)
	all := append(addonsOf(t, "manifests/", space, kind, config, webhook), addonsOf(t, "chart x", work)...)
	addon.Sort(all)
	missing, same := addon.State{Change: "is missing"}, addon.State{Exists: true}
	differs := addon.State{Exists: true, Change: "differs at spec.replicas"}
	state := func(s addon.State, objects ...addon.Object) map[addon.Ref]addon.State {
		m := map[addon.Ref]addon.State{}
		for _, o := range objects {
			m[o.Ref()] = s
		}
		return m
	}
	refs := func(objects ...addon.Object) (list []addon.Ref) {
		for _, o := range objects {
			list = append(list, o.Ref())
		}
		return list
	}
	for _, row := range []struct {
		name   string
		wanted []addon.Object
		seen   addon.Seen
		want   []string
	}{
		{"nothing wanted", nil, addon.Seen{}, nil},
		{"a new cluster", all, addon.Seen{States: state(missing, all...)}, []string{
			"create addons/namespaces: Namespace web is missing",
			"create addons/definitions: CustomResourceDefinition things.example.com is missing",
			"create addons/manifests: ConfigMap web/c is missing",
			"create addons/chart x: Deployment web/d is missing",
			"create addons/gates: MutatingWebhookConfiguration w is missing",
		}},
		{"nothing to do", all, addon.Seen{States: state(same, all...), Remembered: refs(all...)}, nil},
		{"a change", all, addon.Seen{States: state(differs, addonsOf(t, "", work)...), Remembered: refs(all...)}, []string{
			"update addons/chart x: Deployment web/d differs at spec.replicas",
		}},
		{"all gone", nil, addon.Seen{Remembered: refs(all...)}, []string{
			"remove addons/prune: MutatingWebhookConfiguration w, Deployment web/d, ConfigMap web/c, CustomResourceDefinition things.example.com with all objects in it and 1 more",
		}},
		{"another version of a kind", addonsOf(t, "m", strings.Replace(work, "apps/v1", "apps/v1beta1", 1)), addon.Seen{Remembered: refs(addonsOf(t, "", work)...)}, nil},
		{"the cluster's own namespace", nil, addon.Seen{Remembered: refs(addonsOf(t, "", system)...)}, nil},
	} {
		var got []string
		steps := Addons("cp1", row.wanted, row.seen)
		for i, s := range steps {
			got = append(got, string(s.Change)+" "+s.ID()+": "+s.Reason)
			if i > 0 && !slices.Equal(s.Needs, []string{steps[i-1].ID()}) {
				t.Errorf("%s: %s needs %v", row.name, s.ID(), s.Needs)
			}
			if s.Establish != (s.ID() == "addons/definitions") {
				t.Errorf("%s: %s waits for kinds: %t", row.name, s.ID(), s.Establish)
			}
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%s:\n%s\nwant\n%s", row.name, strings.Join(got, "\n"), strings.Join(row.want, "\n"))
		}
		// What the steps do leaves nothing to do.
		done := addon.Seen{Remembered: refs(row.wanted...), States: map[addon.Ref]addon.State{}}
		if left := Addons("cp1", row.wanted, done); len(left) > 0 {
			t.Errorf("%s: after it %v is left", row.name, left)
		}
	}
}

func TestOwnAddons(t *testing.T) {
	t.Parallel()
	objects := addonsOf(t, "m", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: coredns, namespace: kube-system}}", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
	refusals := OwnAddons(objects, func(r addon.Ref) bool { return r.Name == "coredns" })
	if len(refusals) != 1 || !strings.Contains(refusals[0], "Deployment kube-system/coredns at m:1 is Keelway's own") {
		t.Errorf("%v", refusals)
	}
}
