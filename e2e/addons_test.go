package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// mirror serves one image as x/y:1 over TLS at an address of this machine, and
// returns its URL and its certificate in PEM.
func mirror(t *testing.T, address string) (url, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(address)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	push := httptest.NewServer(handler)
	defer push.Close()
	img, err := random.Image(1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	about2, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	about2.OS, about2.Architecture = "linux", "amd64"
	if img, err = mutate.ConfigFile(img, about2); err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(strings.TrimPrefix(push.URL, "http://")+"/x/y:1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	listen, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		_ = server.Serve(tls.NewListener(listen, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}))
	}()
	return "https://" + listen.Addr().String(), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// TestAddons makes a cluster with what its owner adds to it: manifests, a chart,
// hooks, proxies and a mirror; changes each of them, and takes them away.
func TestAddons(t *testing.T) {
	long(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "cluster.yaml")
	f := newFleet(t, "addons", "--controlplanes", "1", "--workers", "1", "--file", file)
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	base, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	subnet := regexp.MustCompile(`198\.18\.\d+\.`).FindString(string(base))
	url, ca := mirror(t, subnet+"1")
	fresh := f.inside("w1")

	write("mirror.crt", ca)
	write("web/00.yaml", "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: one, namespace: web}\nspec: {size: 1}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n")
	write("web/kind.yaml", `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: things, singular: thing, kind: Thing, listKind: ThingList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`)
	write("web/secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: web}\nstringData: {word: sesame}\n")
	write("chart/Chart.yaml", "apiVersion: v2\nname: pause\nversion: 1.0.0\n")
	write("chart/values.yaml", "replicas: 1\n")
	write("chart/templates/pause.yaml", `apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}, labels: {kube: {{ .Capabilities.KubeVersion.Version }}}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: pause}}
  template:
    metadata: {labels: {app: pause}}
    spec: {containers: [{name: pause, image: {{ .Values.image }}}]}
`)
	write("after.sh", "set -e\ntest -d /etc/kubernetes\necho after-host $KEELWAY_HOST >> /run/hooks\necho sees $(hostname)\n")
	const hooks = `  hooks:
    beforeApply: [{name: first, command: [sh, -c, "test ! -e /etc/kubernetes || test -e /run/hooks; echo before-apply >> /run/hooks"]}]
    beforeHost: [{name: ready, roles: [worker], script: "echo before-host >> /run/hooks"}]
    afterHost: [{name: see, scriptFile: after.sh}]
    afterApply: [{name: last, hosts: [cp1], script: "echo after-apply >> /run/hooks"}]
`
	image := regexp.MustCompile(`registry.k8s.io/pause:[\w.]+`)
	registries := "  proxies: {https: 'http://127.0.0.1:9', noProxy: [" + subnet + "1]}\n  mirrors: [{registry: registry.example, endpoints: ['" + url + "'], caFile: mirror.crt}]\n"
	pause := image.FindString(f.on("cp1", "/mnt/share/keelway config images list --kubernetes-version v1.37.0"))
	addons := "  addons:\n    manifests: [web]\n    helm: [{name: still, namespace: web, chart: chart, values: {replicas: 2, image: '" + pause + "'}}]\n"
	whole := strings.Replace(string(base), "spec:\n", "spec:\n"+hooks+registries+addons, 1)
	write("cluster.yaml", whole)

	with := func(command string, code int, says ...string) string {
		t.Helper()
		args := []string{command, "-f", file, "--bundle", bundle(t)}
		if command != "plan" {
			args = append(args, "--yes")
		}
		r := run(t, args...)
		for _, want := range says {
			if !strings.Contains(r.out+r.err, want) {
				t.Errorf("%s does not say %q", command, want)
			}
		}
		if r.code != code || t.Failed() {
			t.Fatalf("%s: exit code %d\n%s%s", command, r.code, r.out, r.err)
		}
		if strings.Contains(r.out+r.err, "sesame") {
			t.Errorf("%s shows a secret", command)
		}
		return r.out
	}
	hooksOf := func(host string) string {
		return strings.Join(strings.Fields(f.on(host, "cat /run/hooks; true > /run/hooks")), " ")
	}
	with("plan", 2, "addons/definitions", "addons/web", "addons/chart still", "runtime/registries", `the hook "ready" runs on w1 before that host is changed`)
	with("apply", 0, "proved: ", `the hook "see" said:`, "sees w1")
	if got := hooksOf("cp1"); got != "before-apply after-host cp1 after-apply" {
		t.Errorf("on cp1 the hooks were %q", got)
	}
	if got := hooksOf("w1"); got != "before-apply before-host after-host w1" {
		t.Errorf("on w1 the hooks were %q", got)
	}
	if out := f.kubectl("-n web get thing/one secret/key deployment/still -o name"); strings.Count(out, "\n") != 3 {
		t.Errorf("the addons are\n%s", out)
	}
	waitFor(t, time.Minute, "the chart's pods", func() (bool, string) {
		out := f.kubectl("-n web get deployment still -o jsonpath={.status.availableReplicas}/{.metadata.labels.kube}")
		return out == "2/v1.37.0", out
	})
	if out := f.on("w1", "tr '\\0' '\\n' < /proc/$(pidof containerd)/environ; stat -c %a /etc/containerd/keelway/proxy.env"); !strings.Contains(out, "HTTPS_PROXY=http://127.0.0.1:9\n") || !strings.HasSuffix(out, "600\n") {
		t.Errorf("containerd has no proxy:\n%s", out)
	}
	if out := f.on("cp1", "cat /etc/kubernetes/manifests/kube-apiserver.yaml"); !strings.Contains(out, "HTTPS_PROXY") {
		t.Errorf("the API server has no proxy:\n%s", out)
	}
	f.on("w1", "crictl pull registry.example/x/y:1")
	with("plan", 0, "nothing to do")
	with("apply", 0, "nothing to do")
	if got := hooksOf("w1") + hooksOf("cp1"); got != "" {
		t.Errorf("hooks ran though nothing was to do: %q", got)
	}

	t.Run("others' changes", func(t *testing.T) {
		f.kubectl("-n web scale deployment still --replicas 1")
		f.on("w1", "mkdir /etc/containerd/keelway/mirrors/other")
		with("plan", 2, "Deployment web/still differs at spec.replicas", "mirrors holds other, which nothing asks for")
		with("apply", 0, "as the file says")
		with("plan", 0, "nothing to do")
	})
	t.Run("a change", func(t *testing.T) {
		hooksOf("w1")
		write("web/00.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n")
		write("cluster.yaml", strings.Replace(whole, "replicas: 2", "replicas: 3", 1))
		with("plan", 2, "remove", "Thing web/one", "addons/chart still")
		with("apply", 0, "as the file says")
		if out := f.kubectl("-n web get things,deployments -o name"); out != "deployment.apps/still\n" {
			t.Errorf("after pruning there are\n%s", out)
		}
		if got := hooksOf("w1"); got != "before-apply" {
			t.Errorf("on a host that did not change ran %q", got)
		}
		with("plan", 0, "nothing to do")
	})
	t.Run("a hook that fails", func(t *testing.T) {
		broken := strings.Replace(whole, "echo before-host >> /run/hooks", "echo no power; exit 7", 1)
		write("cluster.yaml", strings.Replace(broken, "127.0.0.1:9'", "127.0.0.1:10'", 1))
		with("apply", 1, `w1: the hook "ready" failed: it ended with exit code 7`, "no power")
		if out := f.on("w1", "cat /etc/containerd/keelway/proxy.env"); !strings.Contains(out, "127.0.0.1:9'") {
			t.Errorf("w1 was changed:\n%s", out)
		}
	})
	t.Run("all taken away", func(t *testing.T) {
		write("cluster.yaml", string(base))
		with("plan", 2, "Namespace web with all objects in it")
		with("apply", 0, "as the file says")
		with("plan", 0, "nothing to do")
		if out := f.kubectl("get namespaces,customresourcedefinitions -o name"); strings.Contains(out, "things.example.com") || strings.Contains(out, "namespace/web\n") {
			t.Errorf("there are still\n%s", out)
		}
		if out := f.on("w1", "ls /etc/containerd/keelway; tr '\\0' '\\n' < /proc/$(pidof containerd)/environ"); strings.Contains(out, "PROXY") || strings.Contains(out, "mirrors") {
			t.Errorf("on w1 there are still\n%s", out)
		}
	})
	f.on("w1", "rm -f /run/hooks")
	with("destroy", 0)
	if left := difference(fresh, f.inside("w1")); len(left) > 0 {
		t.Errorf("destroy left behind on w1:\n%s", strings.Join(left, "\n"))
	}
}
