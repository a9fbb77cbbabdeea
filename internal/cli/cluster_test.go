package cli

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// run runs one command line in the current folder: what it printed, to either
// stream, and its exit code.
func run(t *testing.T, in string, args ...string) (out string, code int) {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	code = Main(append([]string{"keelway"}, args...), strings.NewReader(in), file, file)
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text), code
}

var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// TestClusterFilePage runs the commands of the page about cluster files, with
// the files that it shows, and compares what they print with what it says.
func TestClusterFilePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/tasks/cluster-file.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	commands, last := 0, 0
	for _, m := range fence.FindAllStringSubmatch(string(page), -1) {
		if m[1] == "yaml" {
			first, _, _ := strings.Cut(m[2], "\n")
			name := strings.TrimPrefix(first, "# ")
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(m[2]), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		for part := range strings.SplitSeq("\n"+m[2], "\n$ ") {
			line, want, _ := strings.Cut(part, "\n")
			want = strings.TrimSuffix(want, "\n")
			switch words := strings.Fields(line); {
			case line == "echo $?":
				if got := strings.TrimSpace(want); got != map[int]string{0: "0", 2: "2"}[last] {
					t.Errorf("the exit code is %d, and the page says %s", last, got)
				}
			case len(words) > 0 && words[0] == "keelway":
				var got string
				got, last = run(t, "", words[1:]...)
				commands++
				if strings.TrimSpace(got) != strings.TrimSpace(want) {
					t.Errorf("%s prints\n%s\nthe page says\n%s", line, got, want)
				}
			}
		}
	}
	if commands < 6 {
		t.Errorf("only %d commands are on the page", commands)
	}
}

func TestClusterNewNeverOverwrites(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("mine.yaml", []byte("mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, code := run(t, "", "cluster", "new", "--file", "mine.yaml")
	if code != exitUsage || !strings.Contains(out, "mine.yaml exists and is left as it is") {
		t.Errorf("exit %d: %s", code, out)
	}
	if text, err := os.ReadFile("mine.yaml"); err != nil || string(text) != "mine\n" {
		t.Errorf("the file says %q now: %v", text, err)
	}
	if err := os.Symlink("elsewhere", "link.yaml"); err != nil {
		t.Fatal(err)
	}
	if out, code := run(t, "", "cluster", "new", "--file", "link.yaml"); code != exitUsage {
		t.Errorf("a link to nothing is written through: %d %s", code, out)
	}
	if out, code := run(t, "", "cluster", "new", "--file", "new.yaml"); code != exitOK {
		t.Errorf("exit %d: %s", code, out)
	}
	left, err := fs.Glob(os.DirFS("."), "*")
	if err != nil || strings.Join(left, " ") != "link.yaml mine.yaml new.yaml" {
		t.Errorf("the folder holds %v: %v", left, err)
	}
	if info, err := os.Stat("new.yaml"); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the new file has another mode: %v %v", info, err)
	}
}

// TestClusterRefuses: a bad file or wish is exit code 2, as elsewhere.
func TestClusterRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	for want, args := range map[string][]string{
		"which cluster file?":              {"validate"},
		"no such file":                     {"validate", "-f", "none.yaml"},
		"there is no cluster in it":        {"show", "-f", "-"},
		"--output takes yaml or json":      {"show", "-f", "-", "-o", "text"},
		"one control plane or more":        {"new", "--controlplanes", "0"},
		"no release for Kubernetes":        {"new", "--kubernetes-version", "v1.1.0"},
		`metadata.name: "A b"`:             {"new", "--name", "A b"},
		`"here" is not an IP address`:      {"new", "--addresses", "here"},
		"accepts 1 arg(s)":                 {"import"},
		"none: no such file":               {"import", "none"},
		"name the inventory's file":        {"import", "."},
		"unknown flag: --wrong; see 'keel": {"new", "--wrong"},
	} {
		out, code := run(t, "", append([]string{"cluster"}, args...)...)
		if code != exitUsage || !strings.Contains(out, want) {
			t.Errorf("%v: exit %d, does not say %q:\n%s", args, code, want, out)
		}
	}
}

// TestClusterStreams: files come through standard input, and JSON is JSON.
func TestClusterStreams(t *testing.T) {
	t.Chdir(t.TempDir())
	text, code := run(t, "", "cluster", "new", "--workers", "1")
	if code != exitOK {
		t.Fatal(text)
	}
	if out, code := run(t, text, "cluster", "validate", "-f", "-"); code != exitOK || !strings.HasPrefix(out, "ok: cluster") {
		t.Errorf("exit %d: %s", code, out)
	}
	shown, code := run(t, text, "cluster", "show", "-f", "-", "-o", "json")
	if code != exitOK || !strings.Contains(shown, `"apiVersion": "keelway.dev/v1"`) {
		t.Errorf("exit %d: %s", code, shown)
	}
	if again, code := run(t, shown, "cluster", "show", "-f", "-", "-o", "json"); code != exitOK || again != shown {
		t.Errorf("exit %d, and another text: %s", code, again)
	}
	out, code := run(t, strings.Replace(text, "metadata:", "metadta:", 1), "cluster", "validate", "-f", "-", "-o", "json")
	var v validation
	if err := json.Unmarshal([]byte(out), &v); err != nil || code != exitUsage || v.OK || len(v.Problems) != 1 ||
		v.Problems[0].Line != 7 || v.Problems[0].Path != "metadta" || v.Problems[0].Severity != "error" {
		t.Errorf("exit %d, %v: %s", code, err, out)
	}
	alone := strings.Replace(text, "roles: [worker]", "roles: [controlplane]", 1)
	out, code = run(t, alone, "cluster", "validate", "-f", "-", "-o", "yaml")
	if code != exitOK || !strings.Contains(out, "ok: true") || !strings.Contains(out, "severity: warning") || !strings.Contains(out, "fix: have 1 or 3") {
		t.Errorf("exit %d: %s", code, out)
	}
	if err := os.WriteFile("kubelet.yaml", []byte("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	named := strings.Replace(text, "spec:\n", "spec:\n  kubelet: {configFile: kubelet.yaml}\n", 1)
	if out, code := run(t, named, "cluster", "show", "-f", "-"); code != exitOK || !strings.Contains(out, "maxPods: 5") || strings.Contains(out, "configFile") {
		t.Errorf("exit %d: %s", code, out)
	}
}

// TestClusterPaths: what a cluster file names is found from the file's folder,
// wherever the command runs.
func TestClusterPaths(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	s := streams{err: os.Stderr}
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const head = "apiVersion: keelway.dev/v1\nkind: Cluster\nmetadata: {name: a}\nspec:\n  kubernetesVersion: v1.37.0\n  bundle: b.tar.zst\n" +
		"  ssh: {keyFile: keys/id}\n  hosts:\n  - {name: a, address: 192.0.2.1, roles: [controlplane, worker]}\n  - {name: b, address: 192.0.2.2, roles: [worker], ssh: {keyFile: ~/.ssh/id}}\n"
	write("conf/cluster.yaml", head+"  patches: {directory: patches}\n")
	write("conf/patches/more/kube-apiserver0+merge.yaml", "metadata: {labels: {a: b}}\n")
	l, err := s.readCluster("conf/cluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	set, err := s.resolve(l)
	if err != nil {
		t.Fatal(err)
	}
	patched, err := set.Patch("kube-apiserver", []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"))
	if err != nil || !strings.Contains(string(patched), "b") {
		t.Errorf("the patch is not applied: %s %v", patched, err)
	}
	c := l.Cluster.Spec
	if c.Bundle != "conf/b.tar.zst" || c.Hosts[0].SSH.KeyFile != filepath.Join(dir, "conf/keys/id") || c.Hosts[1].SSH.KeyFile != "~/.ssh/id" {
		t.Errorf("paths are %q, %q, %q", c.Bundle, c.Hosts[0].SSH.KeyFile, c.Hosts[1].SSH.KeyFile)
	}
	write("conf/none.yaml", head)
	if l, err = s.readCluster("conf/none.yaml"); err != nil {
		t.Fatal(err)
	}
	if set, err := s.resolve(l); set != nil || err != nil {
		t.Errorf("there are patches where none are named: %v %v", set, err)
	}
	write("conf/bad.yaml", head+"  patches: {directory: missing}\n")
	if l, err = s.readCluster("conf/bad.yaml"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.resolve(l); err == nil || !strings.Contains(err.Error(), "spec.patches.directory: ") {
		t.Errorf("a folder that is missing: %v", err)
	}
}
