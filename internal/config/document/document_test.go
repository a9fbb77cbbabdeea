package document_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/config/document"
)

type inner struct {
	Count int             `json:"count"`
	Share float64         `json:"share"`
	On    *bool           `json:"on,omitempty"`
	Time  metav1.Duration `json:"time"`
	Any   any             `json:"any"`
	Raw   json.RawMessage `json:"raw"`
	own   string
	Gone  string `json:"-"`
}

type outer struct {
	metav1.TypeMeta `json:",inline"`
	inner           `json:",inline"` // embedded, and unexported: its fields count all the same
	List            []inner          `json:"list"`
	Map             map[string]inner `json:"map"`
	Text            string           `json:"text"`
}

func problems(t *testing.T, text string, path string, into reflect.Type) string {
	t.Helper()
	documents, broken := document.Split("f", []byte("apiVersion: a/b\nkind: c\n"+text))
	if len(documents) != 1 {
		t.Fatalf("%q: %v", text, broken)
	}
	list := ""
	for _, p := range documents[0].Shape(path, into) {
		list += fmt.Sprintf("%d %s: %s\n", p.Line, p.Path, p.Message)
	}
	return list
}

func TestShape(t *testing.T) {
	t.Parallel()
	_ = inner{own: ""}.own
	for text, want := range map[string]string{
		"list: [{count: 1, share: 2, on: true, time: 5s, any: {a: [b]}, raw: [1]}]\nmap: {a: {share: 0.5}}\ntext: 'a'\n": "",
		"list:\nmap: null\ntext: ~\n": "",
		"text: 5\n":                   "3 text: it should be a text, and is a number: put it in quotes\n",
		"text: true\n":                "3 text: it should be a text, and is true or false: put it in quotes\n",
		"text: 2024-01-01\n":          "",
		"tekst: a\n":                  "3 tekst: there is no such field: did you mean \"text\"?\n",
		"nothing: a\n":                "3 nothing: there is no such field\n",
		"list:\n- count: x\n- {count: 1.5}\n- [a]\n": "4 list[0].count: it should be a whole number, and is a text\n5 list[1].count: it should be a whole number, and is a number\n6 list[2]: it should be a map of fields, and is a list\n",
		"map: [a]\n":                                       "3 map: it should be a map of names and values, and is a list\n",
		"map: {a: {on: 1}}\n":                              "3 map.a.on: it should be true or false, and is a number\n",
		"list: {a: b}\n":                                   "3 list: it should be a list, and is a map\n",
		"list: [{time: soon}]\n":                           "3 list[0].time: time: invalid duration \"soon\"\n",
		"list: [{share: half}]\n":                          "3 list[0].share: it should be a number, and is a text\n",
		"Gone: a\n":                                        "3 Gone: there is no such field\n",
		"list:\n- &a {cnt: 1}\n- *a\n- *a\n":               "4 list[0].cnt: there is no such field: did you mean \"count\"?\n4 list[1].cnt: there is no such field: did you mean \"count\"?\n",
		"list:\n- &a {count: 1}\n- {<<: *a, on: x}\n":      "5 list[1].on: it should be true or false, and is a text\n",
		"list:\n- &a {count: 1}\n- <<: {count: x}\n  a: 1": "5 list[1].count: it should be a whole number, and is a text\n6 list[1].a: there is no such field\n",
	} {
		if got := problems(t, text, "", reflect.TypeFor[outer]()); got != want {
			t.Errorf("%q:\n%swant\n%s", text, got, want)
		}
	}
	if got := problems(t, "a:\n  b:\n  - cnt: 1\n", "a.b[0]", reflect.TypeFor[inner]()); got != "5 a.b[0].cnt: there is no such field: did you mean \"count\"?\n" {
		t.Errorf("below a path: %s", got)
	}
	if got := problems(t, "a: 1\n", "b.c", reflect.TypeFor[inner]()); got != "" {
		t.Errorf("below no path: %s", got)
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	documents, broken := document.Split("f", []byte("# c\napiVersion: a/b\nkind: c\n---\napiVersion: a/b\nkind: d\na: &x\n  b: [1,\n    2]\nc: *x\n"))
	if len(documents) != 2 || len(broken) > 0 {
		t.Fatal(documents, broken)
	}
	for path, want := range map[string]string{"a": "7 true", "a.b": "8 true", "a.b[1]": "9 true", "a.b[2]": "8 false", "a.z": "7 false", "z": "5 false", "": "5 false", "c.b": "8 true"} {
		line, exact := documents[1].Line(path)
		if got := fmt.Sprint(line, exact); got != want {
			t.Errorf("%q is at %s, want %s", path, got, want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	known := []string{"endpoint", "hosts", "kubernetesVersion"}
	for wrong, want := range map[string]string{"endpont": "endpoint", "Hosts": "hosts", "host": "hosts", "kubernetes": "", "version": "", "xyz": "", "kubernetsVersion": "kubernetesVersion"} {
		if want != "" {
			want = `: did you mean "` + want + `"?`
		}
		if got := document.DidYouMean(wrong, known); got != want {
			t.Errorf("%s: %q, want %q", wrong, got, want)
		}
	}
}
