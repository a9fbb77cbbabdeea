package diff

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/access"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/plan"
)

func TestFiles(t *testing.T) {
	s := plan.Step{
		Resource: desired.Resource{Files: []desired.File{
			{Path: "/etc/dir", Mode: 0o755 | 1<<31},
			{Path: "/etc/a", Mode: 0o644, Content: []byte("one\ntwo\nthree")},
			{Path: "/etc/new", Mode: 0o644, Content: []byte("x\n")},
			{Path: "/etc/same", Mode: 0o600, Content: []byte("x\n")},
			{Path: "/etc/key", Mode: 0o600, Content: []byte("KEY"), Secret: true},
			{Path: "/usr/bin/p", Mode: 0o755, Binary: "p"},
			{Path: "/etc/big", Mode: 0o644, Content: []byte("x\n")},
		}},
		Before: plan.Before{Files: map[string]observed.File{
			"/etc/a":    {Content: []byte("one\n2\nthree\n"), Size: 12},
			"/etc/same": {Content: []byte("x\n"), Size: 2},
			"/etc/key":  {Content: []byte("OLD"), Size: 3},
			"/etc/big":  {Size: 2 << 20},
		}},
	}
	var got strings.Builder
	for _, d := range Of(s) {
		got.WriteString(d.Name + " " + d.Hidden + "\n" + d.Text)
	}
	want := `/etc/a 
--- /etc/a
+++ /etc/a
@@ -1,3 +1,3 @@
 one
-2
+two
 three
/etc/new 
--- /dev/null
+++ /etc/new
@@ -0,0 +1 @@
+x
/etc/key its content is secret
/usr/bin/p a program
/etc/big what is there has 2097152 bytes and no text of ours
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

// TestSecretsAreHidden: nothing of these words is shown, whatever form they have;
// that another secret stands there is.
func TestSecretsAreHidden(t *testing.T) {
	before := `kind: Config
users:
- name: admin
  user:
    client-key-data: LS0tS0VZ/aaaa
    token: s3cr3t-old
    password: "123456"
env:
- name: HTTPS_PROXY
  value: http://alice:hunter2@proxy:3128
- name: DB_PASSWORD
  value: "hunter3"
command:
- --token-auth-file=/etc/kubernetes/tokens.csv
- --oidc-client-secret=hunter4
key: |
  -----BEGIN EC PRIVATE KEY-----
  MHcCAQEEIhunter5
  -----END EC PRIVATE KEY-----
json: {"k":"-----BEGIN PRIVATE KEY-----\nhunter6\n-----END PRIVATE KEY-----\n"}
secret: |
  hunter7
    hunter8
bootstrap abcdef.0123456789abcdef
tokenTTL: 24h
`
	after := strings.NewReplacer("s3cr3t-old", "s3cr3t-new", "hunter", "winner", "24h", "12h").Replace(before)
	text := unified("f", true, before, after)
	for _, secret := range []string{"LS0t", "s3cr3t", "123456", "hunter", "winner", "0123456789abcdef", "alice"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is shown:\n%s", secret, text)
		}
	}
	for _, line := range []string{
		"-    token: (hidden)\n+    token: (hidden, another one)\n", "+  value: http://(hidden, another one)@proxy:3128\n",
		" - --token-auth-file=/etc/kubernetes/tokens.csv\n", "-tokenTTL: 24h\n+tokenTTL: 12h\n", " bootstrap abcdef.(hidden)\n",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("%q is not there:\n%s", line, text)
		}
	}
	if text := unified("f", false, "", before); strings.Contains(text, "hunter") || strings.Contains(text, "another") {
		t.Errorf("a new file shows a secret, or speaks of another one:\n%s", text)
	}
}

func TestObjects(t *testing.T) {
	have := func(o runtime.Object) *unstructured.Unstructured {
		u, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			t.Fatal(err)
		}
		return &unstructured.Unstructured{Object: u}
	}
	config := func(text string) *corev1.ConfigMap {
		return &corev1.ConfigMap{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
			ObjectMeta: metav1.ObjectMeta{Name: "c", Namespace: "kube-system"}, Data: map[string]string{"c": text},
		}
	}
	node := func(labels map[string]string) *corev1.Node {
		h := cluster.Host{Labels: labels, Marked: true}
		h.Init.NodeRegistration.Name = "w1"
		return access.Node(h)
	}
	theirs := config("a: 1\nb: 2\n")
	theirs.Labels, theirs.ResourceVersion = map[string]string{"theirs": "x"}, "7"
	secret := &corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: metav1.ObjectMeta{Name: "s"}, StringData: map[string]string{"a": "hunter2"}}
	marked := node(map[string]string{"zone": "east", "disk": "ssd"})
	marked.Labels["theirs"] = "x"
	s := plan.Step{
		Resource: desired.Resource{Objects: []desired.Object{{Object: config("a: 1\nb: 3\n")}, {Object: secret}, {Object: node(map[string]string{"zone": "east"})}}},
		Before: plan.Before{Objects: map[string]*unstructured.Unstructured{
			"ConfigMap/kube-system/c": have(theirs), "Node//w1": have(marked),
		}},
	}
	var got strings.Builder
	for _, d := range Of(s) {
		got.WriteString(d.Name + " " + d.Hidden + "\n" + d.Text)
	}
	want := `ConfigMap/kube-system/c 
--- ConfigMap/kube-system/c
+++ ConfigMap/kube-system/c
@@ -2,7 +2,7 @@
 data:
   c: |
     a: 1
-    b: 2
+    b: 3
 kind: ConfigMap
 metadata:
   name: c
Secret/s its content is secret
Node/w1 
--- Node/w1
+++ Node/w1
@@ -1,3 +1,2 @@
 labels:
-  disk: ssd
   zone: east
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}
