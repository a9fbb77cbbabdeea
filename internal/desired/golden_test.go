package desired_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
)

var update = flag.Bool("update", false, "write the golden files anew")

// machine is a plain modern machine.
func machine() cluster.Facts {
	return cluster.Facts{
		Hostname:           "node-1",
		Addresses:          []string{"192.0.2.10"},
		CgroupVersion:      2,
		OOMScoreAdjustable: true,
		NFTables:           true,
		BridgeNetfilter:    true,
		BridgeModule:       "br_netfilter",
		ConntrackWritable:  true,
		Systemd:            true,
		CAFolders:          []string{"/usr/share/ca-certificates"},
		Interface:          "eth0",
		MTU:                1500,
		DiskFreePercent:    50,
	}
}

// bare is the machine of a nested container: no systemd, cgroup v1, little disk.
func bare() cluster.Facts {
	f := machine()
	f.CgroupVersion, f.Systemd, f.OOMScoreAdjustable, f.ConntrackWritable = 1, false, false, false
	f.DiskFreePercent = 12
	f.BridgeModule = ""
	return f
}

func TestGolden(t *testing.T) {
	plain := machine()
	plain.NFTables = false
	rows := []struct {
		name    string
		options cluster.Options
	}{
		{"hardened", cluster.Options{Facts: machine()}},
		{"hardened-bare", cluster.Options{Facts: bare(), Token: "abcdef.0123456789abcdef", Now: time.Unix(1800000000, 0)}},
		{"kubeadm", cluster.Options{Facts: plain, Profile: cluster.Kubeadm, KeepTaint: true}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			m, err := cluster.New(row.options)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, filepath.Join("testdata", row.name), render(desired.For(m, 0)))
		})
	}
}

// render is a host as files: its story, the text files and the objects.
func render(h desired.Host) map[string][]byte {
	out := map[string][]byte{}
	var b strings.Builder
	for _, r := range h.Resources {
		fmt.Fprintf(&b, "%s: %s\n  why: %s\n  after: %s\n", r.ID, r.What, r.Why, after(r))
		for _, f := range r.Files {
			fmt.Fprintf(&b, "  %s %s%s", f.Mode, f.Path, kind(f))
			fmt.Fprintf(&b, " | %s [%s]\n", f.Note, strings.Join(f.Readers, ", "))
			if f.Content != nil {
				out["files"+f.Path] = f.Content
			}
		}
		if r.Key != nil {
			out["files"+r.Key.Path] = r.Key.Template
		}
		for _, i := range r.Images {
			fmt.Fprintf(&b, "  image %s\n", i.Reference)
		}
		for _, s := range r.Sysctls {
			fmt.Fprintf(&b, "  sysctl %s=%s | %s\n", s.Name, s.Value, s.Note)
		}
		for _, o := range r.Objects {
			name := strings.ReplaceAll(r.ID, "/", "-") + ".yaml"
			out["objects/"+name] = append(append(out["objects/"+name], "---\n"...), config.Marshal(o.Object)...)
			fmt.Fprintf(&b, "  object %s | %s\n", o.Object.GetObjectKind().GroupVersionKind().Kind, o.Why)
		}
		if r.Wait != nil {
			fmt.Fprintf(&b, "  wait %s %s %ds\n", r.Wait.Probe, r.Wait.Target, r.Wait.Seconds)
		}
	}
	out["story.txt"] = []byte(b.String())
	return out
}

func after(r desired.Resource) string {
	if r.After == nil {
		return "the one before"
	}
	return strings.Join(r.After, " ")
}

func kind(f desired.File) string {
	switch {
	case f.Binary != "":
		return " = " + f.Binary
	case f.Mode&fs.ModeDir != 0 && f.Shared:
		return " shared"
	}
	return ""
}

func compare(t *testing.T, folder string, got map[string][]byte) {
	t.Helper()
	if *update {
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		for name, content := range got {
			path := filepath.Join(folder, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	want := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		want[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range got {
		names = append(names, name)
	}
	for name := range want {
		if got[name] == nil {
			t.Errorf("%s is no longer desired", name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if !bytes.Equal(want[name], got[name]) {
			t.Errorf("%s/%s differs (run with -update to accept):\n%s", folder, name, diff(string(want[name]), string(got[name])))
		}
	}
}

// diff shows the first line that differs.
func diff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		a, b := "", ""
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\n- %s\n+ %s", i+1, a, b)
		}
	}
	return ""
}
