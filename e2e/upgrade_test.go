package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// upgrade compares the plan and the differences that both programs see on one
// cluster, for a patch that neither has.
func upgrade(t *testing.T) {
	for _, format := range []string{"json", "yaml", `jsonpath={range .availableUpgrades[0].components[*]}{.name} {.nodeName} {.newVersion}{"\n"}{end}`} {
		a := kubeadm(t, "upgrade", "plan", "v1.37.1", "-o", format, "--ignore-preflight-errors", "CreateJob")
		b := run(t, "upgrade", "plan", "v1.37.1", "-o", format)
		// kubeadm takes kube-proxy's version from the API server, without its "v",
		// and would have etcd go back to one with a known hole.
		theirs := strings.NewReplacer("3.7.0-0", "3.7.3-0", `"1.37.0"`, `"v1.37.0"`, "currentVersion: 1.37.0", "currentVersion: v1.37.0").Replace(a.out)
		if a.code != 0 || b.code != 0 || theirs != b.out {
			t.Errorf("upgrade plan -o %s: %d and %d\n%s\n%s%s%s", format, a.code, b.code, theirs, b.out, a.err, b.err)
		}
	}
	table := func(text string) string {
		_, rest, _ := strings.Cut(text, "\nCOMPONENT  ")
		rest, _, _ = strings.Cut(rest, "\n\n")
		return rest
	}
	text := must(t, "upgrade", "plan", "v1.37.1").out
	if !strings.Contains(table(text), "v1.37.1") || !strings.Contains(text, "kubeadm upgrade apply v1.37.1") || strings.Contains(text, "cannot be done") {
		t.Errorf("upgrade plan:\n%s", text)
	}
	if out := must(t, "upgrade", "plan").out; !strings.Contains(out, "nothing to upgrade to") {
		t.Errorf("the newest version has an upgrade:\n%s", out)
	}
	for version, words := range map[string]string{"v1.36.3": "cannot go from v1.37.0 back", "v1.39.0": "no release for Kubernetes"} {
		if r := run(t, "upgrade", "plan", version); r.code != 2 || !strings.Contains(r.err, words) {
			t.Errorf("upgrade plan %s: %d %s", version, r.code, r.err)
		}
	}
	if r := must(t, "upgrade", "diff"); r.out != "" {
		t.Errorf("what up has just written would change:\n%s", r.out)
	}
	patches := t.TempDir()
	if err := os.WriteFile(filepath.Join(patches, "etcd.yaml"), []byte("metadata: {labels: {patched: here}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := must(t, "upgrade", "diff", "--patches", patches, "-c", "0").out; strings.Count(out, "\n+ ") != 1 || !strings.Contains(out, "+    patched: here") {
		t.Errorf("upgrade diff with a patch:\n%s", out)
	}
	for _, command := range []string{"apply", "node"} {
		if r := run(t, "upgrade", command, "v1.37.1", "--yes"); r.code != 2 || !strings.Contains(r.err, "kubeadm upgrade "+command) {
			t.Errorf("upgrade %s: %d %s", command, r.code, r.err)
		}
	}
	// The configuration's fields stand for flags.
	path := filepath.Join(t.TempDir(), "u.yaml")
	conf := "apiVersion: kubeadm.k8s.io/v1beta4\nkind: UpgradeConfiguration\nplan: {kubernetesVersion: v1.37.1, etcdUpgrade: false, printConfig: true}\ndiff: {kubernetesVersion: v1.37.1, contextLines: 1}\n"
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	out := must(t, "upgrade", "plan", "--config", path).out
	if !strings.Contains(out, "v1.37.1") || strings.Contains(table(out), "etcd") || !strings.Contains(out, "\tkind: ClusterConfiguration\n") {
		t.Errorf("upgrade plan --config:\n%s", out)
	}
	t.Run("diff", func(t *testing.T) { sameDiff(t, path) })
	// A name that somebody adds to the cluster's configuration is told by status.
	config := must(t, "kubectl", "-n", "kube-system", "get", "configmap", "kubeadm-config", "-o", "jsonpath={.data.ClusterConfiguration}").out
	changed := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(changed, []byte(strings.Replace(config, "apiServer:", "apiServer:\n  certSANs: [told.example]", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := kubeadm(t, "init", "phase", "upload-config", "kubeadm", "--config", changed); a.code != 0 {
		t.Fatalf("kubeadm init phase upload-config: %s", a.err)
	}
	status := strings.Join(strings.Fields(run(t, "status").out), " ")
	if !strings.Contains(status, "apiserver: it does not name told.example; `keelway certs renew apiserver` applies it") {
		t.Errorf("status does not tell it:\n%s", status)
	}
	must(t, "certs", "renew", "apiserver")
	if status := run(t, "status").out; strings.Contains(status, "told.example; ") {
		t.Errorf("the command was run and has not applied it:\n%s", status)
	}
	// up, run again with another name, issues the certificate anew and says so.
	if out := must(t, "up", "--apiserver-cert-extra-sans", "up.example").out; !strings.Contains(out, "certs/apiserver: it does not name up.example: a new one is issued") {
		t.Errorf("up with another name:\n%s", out)
	}
	if out := must(t, "up").out; !strings.Contains(out, "nothing to do") {
		t.Errorf("up again:\n%s", out)
	}
}

// sameDiff compares the differences that both show.
func sameDiff(t *testing.T, config string) {
	// They are the peer's, and stand in what either would write.
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("NO_PROXY", "*")
	// kubeadm compares in any order, and leaves etcd out.
	parts := func(text string) []string {
		list := strings.Split(text, "--- ")[1:]
		slices.Sort(list)
		return list
	}
	a, b := kubeadm(t, "upgrade", "diff", "v1.37.1", "-c", "3"), must(t, "upgrade", "diff", "v1.37.1")
	if len(parts(b.out)) != 3 || !slices.Equal(parts(a.out), parts(b.out)) {
		t.Errorf("upgrade diff: %d\n%s\n%s", a.code, a.out, b.out)
	}
	if a, b := kubeadm(t, "upgrade", "diff", "--config", config), must(t, "upgrade", "diff", "--config", config); !slices.Equal(parts(a.out), parts(b.out)) {
		t.Errorf("upgrade diff --config:\n%s\n%s", a.out, b.out)
	}
}
