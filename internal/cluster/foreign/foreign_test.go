package foreign_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/cluster/file/load"
	"keelway.dev/keelway/internal/cluster/foreign"
	"keelway.dev/keelway/internal/cluster/foreign/ansible"
)

var update = flag.Bool("update", false, "write the golden files anew")

// gather reads the files below a folder, the one that is named first.
func gather(t *testing.T, dir, main string) []ansible.File {
	t.Helper()
	var files []ansible.File
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == "golden.yaml" {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, path))
		f := ansible.File{Path: "inventory/prod/" + path, Text: text}
		if path == main {
			files = append([]ansible.File{f}, files...)
		} else {
			files = append(files, f)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestGolden imports a file of each tool. What comes out is a cluster file that
// is read without an error, but for what the test says.
func TestGolden(t *testing.T) {
	t.Parallel()
	for dir, row := range map[string]struct {
		main string
		// wrong is what remains for the user to mend.
		wrong []string
	}{
		"yaml":    {"hosts.yaml", nil},
		"ini":     {"inventory.ini", []string{"master-1 has the role etcd beside others", "master-2 has the role etcd beside others"}},
		"k0sctl":  {"k0sctl.yaml", nil},
		"kubeadm": {"kubeadm.yaml", nil},
	} {
		m, err := foreign.Read(gather(t, filepath.Join("testdata", dir), row.main))
		if err != nil {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		got, err := m.Write()
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"correct-horse", "secret@", "0123456789abcdef"} {
			if strings.Contains(string(got), secret) {
				t.Errorf("%s repeats a secret", dir)
			}
		}
		golden := filepath.Join("testdata", dir, "golden.yaml")
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s: got (go test -update writes it)\n%s", dir, got)
		}
		_, err = load.Read("cluster.yaml", got, load.Options{})
		problems, _ := load.Problems(err)
		if len(problems) != len(row.wrong) {
			t.Errorf("%s: the cluster file has %d problems, want %d: %v", dir, len(problems), len(row.wrong), err)
		}
		for i, want := range row.wrong {
			if i < len(problems) && !strings.Contains(problems[i].String(), want) {
				t.Errorf("%s: %v, want %q", dir, problems[i], want)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, text, want string }{
		{"a.yaml", "apiVersion: v1\nkind: Pod\n", "a.yaml is of v1: a Kubespray inventory"},
		{"a.yaml", "apiVersion: keelway.dev/v1\nkind: Cluster\n", "a.yaml is a cluster file already"},
		{"a.yaml", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking: 5\n", "a.yaml:3"},
		{"a.yaml", "apiVersion: k0sctl.k0sproject.io/v1beta1\nkind: Cluster\nspec: {hosts: [}\n", "did not find expected node content"},
		{"a.yaml", "all: {hosts: {a: }}\n", "it is no Kubespray inventory"},
		{"a.yaml", "all: {hosts: {a: }, machines: {}}\n", `group all has "machines"`},
		{"a.yaml", "- a\n", "a.yaml is no inventory"},
		{"a.ini", "[kube_control_plane\n", "a.ini:1: the section [kube_control_plane has no end"},
		{"a.ini", "[kube_control_plane]\na b\n", `a.ini:2: "b" is no variable of host a`},
		{"a.ini", "[kube_control_plane]\na b='c\n", "a.ini:2: a quote ' has no end"},
		{"a.ini", "[kube_control_plane:hosts]\na\n", "not :hosts"},
		{"a.ini", "[all:vars]\na\n", `"a" is no variable of group all`},
	} {
		_, err := foreign.Read([]ansible.File{{Path: row.name, Text: []byte(row.text)}})
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%q: %v, want %q", row.text, err, row.want)
		}
	}
	if _, err := foreign.Read(nil); err == nil {
		t.Error("nothing is imported")
	}
}

// FuzzRead holds that no file of another tool makes the import panic.
func FuzzRead(f *testing.F) {
	for _, path := range []string{"yaml/hosts.yaml", "ini/inventory.ini", "k0sctl/k0sctl.yaml", "kubeadm/kubeadm.yaml"} {
		text, err := os.ReadFile(filepath.Join("testdata", path))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(path, text)
	}
	f.Fuzz(func(t *testing.T, path string, text []byte) {
		m, err := foreign.Read([]ansible.File{{Path: path, Text: text}, {Path: "group_vars/all.yml", Text: text}})
		if err != nil {
			return
		}
		if _, err := m.Write(); err != nil {
			t.Errorf("what was imported cannot be written: %v", err)
		}
	})
}
