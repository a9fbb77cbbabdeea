package memory

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestMeasure finds this test itself by its program, and a child with it.
func TestMeasure(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	usage, err := Measure([]string{self})
	if err != nil {
		t.Fatal(err)
	}
	if Total(usage) < 1<<20 {
		t.Errorf("%d bytes in all", Total(usage))
	}
	names := map[string]Usage{}
	for _, u := range usage {
		names[u.Program] = u
	}
	if u := names[filepath.Base(self)]; u.Processes != 1 || u.PSS <= u.Anonymous || u.Anonymous == 0 {
		t.Errorf("this test: %+v", u)
	}
	if u := names["sleep"]; u.Processes != 1 {
		t.Errorf("its child: %+v of %+v", u, usage)
	}
	if usage, err := Measure([]string{"/no/such/program"}); err != nil || len(usage) > 0 {
		t.Errorf("of no program: %+v, %v", usage, err)
	}
}

func TestParent(t *testing.T) {
	for stat, want := range map[string]int{
		"12 (sh) S 7 12 12": 7,
		"12 (a) b) S 8 12":  8,
		"12 (x)":            0,
		"":                  0,
	} {
		if got := parent([]byte(stat)); got != want {
			t.Errorf("parent of %q is %d, want %d", stat, got, want)
		}
	}
}
