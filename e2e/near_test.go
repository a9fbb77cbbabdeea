package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestBundleOncePerZone makes a cluster of both families of addresses on three
// machines of one zone, and counts what went over the operator's link.
func TestBundleOncePerZone(t *testing.T) {
	long(t)
	file := filepath.Join(t.TempDir(), "cluster.yaml")
	f := newFamily(t, "near", "dual", "--controlplanes", "1", "--workers", "2", "--file", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "\nspec:\n", "\nspec:\n  bundleOncePerZone: true\n", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	// What this machine itself sends to the hosts, not what they send each other.
	sent := func() int {
		t.Helper()
		text, err := os.ReadFile("/sys/class/net/lab-near/statistics/tx_bytes")
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	fresh := f.inside("w1")
	size := 0
	for _, path := range []string{program(t), bundle(t)} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		size += int(info.Size())
	}
	before := sent()
	applied(t, file, "proved: ")
	f.ready(3, 1)
	f.bothFamilies(3)
	over := sent() - before
	t.Logf("%d MB were sent for three hosts; keelway and the bundle are %d MB", over>>20, size>>20)
	if over > size+size/10 {
		t.Errorf("%d bytes were sent, and keelway and the bundle are %d", over, size)
	}
	for _, host := range []string{"cp1", "w1", "w2"} {
		if out := f.on(host, "ls -d /var/lib/keelway/near 2>&1; crictl images; ss -Hltn | grep :7442; true"); strings.Contains(out, "keelway/bundle") || !strings.Contains(out, "No such file") || strings.Contains(out, ":7442") {
			t.Errorf("%s still serves, or names images by who served them:\n%s", host, out)
		}
	}
	if r := run(t, "verify", "-f", file, "--bundle", bundle(t)); r.code != 0 {
		t.Errorf("verify: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	applied(t, file, "nothing to do")
	if r := run(t, "destroy", "-f", file, "--yes"); r.code != 0 {
		t.Fatalf("destroy: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if left := difference(fresh, f.inside("w1")); len(left) > 0 {
		t.Errorf("destroy left behind on w1:\n%s", strings.Join(left, "\n"))
	}
}
