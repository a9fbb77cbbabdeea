package sums

import (
	"os"
	"path/filepath"
	"testing"
)

func TestBook(t *testing.T) {
	file := filepath.Join(t.TempDir(), "folder", "sums.json")
	b := Open(file)
	b.Put("a:22", "/bin/x", "1 2 3", "abc")
	for _, c := range []struct{ machine, path, mark, want string }{
		{"a:22", "/bin/x", "1 2 3", "abc"}, {"a:22", "/bin/x", "1 2 4", ""}, {"b:22", "/bin/x", "1 2 3", ""}, {"a:22", "/bin/y", "1 2 3", ""},
	} {
		if got := b.Get(c.machine, c.path, c.mark); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
	if err := b.Save(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if got := Open(file).Get("a:22", "/bin/x", "1 2 3"); got != "abc" {
		t.Errorf("read again: %q", got)
	}
	if err := os.WriteFile(file, []byte("{half"), 0o600); err != nil {
		t.Fatal(err)
	}
	b = Open(file) // a broken one is as none
	b.Put("a:22", "/bin/x", "1", "new")
	if got := b.Get("a:22", "/bin/x", "1"); got != "new" {
		t.Errorf("after a broken file: %q", got)
	}
	var memory Book
	memory.Put("a", "b", "c", "d")
	if err := memory.Save(); err != nil || memory.Get("a", "b", "c") != "d" {
		t.Errorf("in memory: %v", err)
	}
}
