package load_test

import (
	"os"
	"path/filepath"
	"testing"

	"keelway.dev/keelway/internal/cluster/file/load"
	"keelway.dev/keelway/internal/config"
)

// FuzzRead holds that no text makes reading panic, that what is refused has a
// reason, and that what is accepted can be shown, read again and turned into
// kubeadm's documents.
func FuzzRead(f *testing.F) {
	for _, pattern := range []string{"../testdata/*.yaml", "../example/testdata/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatal(pattern, err)
		}
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	for _, seed := range []string{
		"", "a: [", "- 1", "a: &a [*a]", "a: &a {b: *a}\n", "---\n---\n", "{}", "apiVersion: 5\nkind: 6\n",
		"apiVersion: keelway.dev/v1\nkind: Cluster\nspec: {hosts: [null, {}], kubelet: {config: [1]}}\n",
		text(three, "  apiServer: &x {extraArgs: [{name: a, value: b}]}\n  scheduler: {<<: *x}\n"),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := load.Read("cluster.yaml", text, load.Options{})
		if err != nil {
			if problems, _ := load.Problems(err); len(problems) == 0 {
				t.Errorf("it is refused without a reason: %v", err)
			}
			return
		}
		if _, err := l.Cluster.Documents(); err != nil {
			t.Errorf("it is accepted, and there are no documents of it: %v", err)
		}
		if _, err := load.Read("again", config.Marshal(l.Cluster), load.Options{}); err != nil {
			t.Errorf("it is accepted, and refused as it is shown: %v", err)
		}
	})
}
