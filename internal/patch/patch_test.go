package patch

import (
	"strings"
	"testing"
)

const pod = `apiVersion: v1
kind: Pod
metadata: {name: etcd, labels: {a: "1"}}
spec:
  containers:
  - {name: etcd, image: e, command: [etcd, --one]}
`

func TestKindsAndOrder(t *testing.T) {
	s, err := Parse(map[string][]byte{
		"etcd1+merge.yaml":          []byte("metadata: {labels: {a: \"2\", b: null}}"),
		"etcd0.yaml":                []byte("metadata: {labels: {a: \"0\"}}\n---\nspec: {containers: [{name: etcd, image: f}]}"),
		"etcd2+json.json":           []byte(`[{"op":"add","path":"/spec/containers/0/command/-","value":"--two"}]`),
		"kube-apiserver+merge.json": []byte(`{"metadata":null}`),
		"README.md":                 []byte("x"),
		"nobody.yaml":               []byte("a: b"),
		"etcd9.yaml":                nil,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Ignored) != 3 {
		t.Errorf("ignored: %q", s.Ignored)
	}
	got, err := s.Patch("etcd", []byte(pod))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"a":"2"`, `"image":"f"`, `"--one","--two"`} {
		if !strings.Contains(string(got), want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
	if none, err := s.Patch("kube-scheduler", []byte(pod)); none != nil || err != nil {
		t.Errorf("a target without a patch: %s, %v", none, err)
	}
}

func TestWhatDoesNotFit(t *testing.T) {
	for name, text := range map[string]string{
		"etcd+mrge.yaml": "a: b",
		"etcd+.yaml":     "a: b",
		"etcd.yaml":      "a: [",
	} {
		if _, err := Parse(map[string][]byte{name: []byte(text)}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := Parse(map[string][]byte{"etcd+json.yaml": []byte("- {op: remove, path: /nothing}")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Patch("etcd", []byte(pod)); err == nil || !strings.Contains(err.Error(), "etcd+json.yaml") {
		t.Errorf("the error does not name the file: %v", err)
	}
}
