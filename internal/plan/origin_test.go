package plan

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observed"
)

// TestOrigins: what the file changed, what somebody changed on the host and what
// in the cluster are told apart by what was written last.
func TestOrigins(t *testing.T) {
	const path = "/etc/a"
	// world is a host whose file, setting and object have a value each.
	type values struct{ file, setting, object string }
	wanted := func(v values) desired.Host {
		return desired.Host{Name: "h", Resources: []desired.Resource{
			{ID: "file", Files: []desired.File{{Path: path, Mode: 0o644, Content: []byte(v.file)}}},
			{ID: "setting", Sysctls: []desired.Sysctl{{Name: "net.a", Value: v.setting}}},
			{ID: "object", Objects: []desired.Object{{Object: &corev1.ConfigMap{
				TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: metav1.ObjectMeta{Name: "c", Namespace: "n"}, Data: map[string]string{"a": v.object},
			}}}},
			{ID: "service", Service: &desired.Service{Name: "s"}},
		}}
	}
	seen := func(v values, last observed.Applied) observed.Host {
		o := wanted(v).Resources[2].Objects[0].Object
		u, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			t.Fatal(err)
		}
		return observed.Host{
			API: true, Applied: last, Sysctls: map[string]string{"net.a": v.setting},
			Files:    map[string]observed.File{path: {Mode: 0o644, SHA256: sum([]byte(v.file)), Content: []byte(v.file)}},
			Objects:  map[string]*unstructured.Unstructured{"ConfigMap/n/c": {Object: u}},
			Services: map[string]observed.Service{"s": {Running: true, Since: now}},
		}
	}
	before := values{"1", "1", "1"}
	last := Remember(wanted(before), nil)
	for _, row := range []struct {
		name       string
		want, have values
		last       observed.Applied
		origins    string
	}{
		{"nothing", before, before, last, ""},
		{"the file", values{"2", "2", "2"}, before, last, "file:[file] setting:[file] object:[file] "},
		{"on the host and in the cluster", before, values{"3", "3", "3"}, last, "file:[host] setting:[host] object:[cluster] "},
		{"both", values{"2", "2", "1"}, values{"3", "3", "1"}, last, "file:[file host] setting:[file host] "},
		{"nothing is remembered", values{"2", "2", "2"}, before, observed.Applied{}, "file:[] setting:[] object:[] "},
	} {
		got := ""
		for _, s := range Make(wanted(row.want), seen(row.have, row.last), Inputs{Now: now}).Steps {
			got += fmt.Sprintf("%s:%v ", s.ID(), s.Origins)
		}
		if got != row.origins {
			t.Errorf("%s: %q, want %q", row.name, got, row.origins)
		}
	}
	gone := seen(before, last)
	delete(gone.Files, path)
	delete(gone.Objects, "ConfigMap/n/c")
	gone.Services = nil
	got := ""
	for _, s := range Make(wanted(before), gone, Inputs{Now: now}).Steps {
		got += fmt.Sprintf("%s:%v ", s.ID(), s.Origins)
	}
	if want := "file:[host] object:[cluster] service:[host] "; got != want {
		t.Errorf("what was removed: %q, want %q", got, want)
	}
}

// TestOnlyALostNodeRestartsAKubelet: an API that is too slow to answer is no
// reason, a Node that it says it has not is one.
func TestOnlyALostNodeRestartsAKubelet(t *testing.T) {
	want := desired.Host{Name: "h", Resources: []desired.Resource{{ID: "kubelet", Service: &desired.Service{Name: "kubelet", Node: "registered"}}}}
	for detail, steps := range map[string]int{"context deadline exceeded": 0, observed.NotRegistered: 1} {
		seen := observed.Host{
			API: true, Services: map[string]observed.Service{"kubelet": {Running: true, Since: now.Add(-time.Hour)}},
			Probes: map[string]observed.Answer{"registered": {Detail: detail}},
		}
		if p := Make(want, seen, Inputs{Now: now}); len(p.Steps) != steps {
			t.Errorf("%s: %d steps, want %d", detail, len(p.Steps), steps)
		}
	}
}
