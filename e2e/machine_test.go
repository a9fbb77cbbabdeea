package e2e

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host/local"
)

// machine is everything on this machine that a cluster could leave behind, by
// a name that says what it is.
type machine map[string]string

// look takes stock of processes, mounts, links, routes, rules, cgroups, kernel
// settings and files.
func look(t *testing.T) machine {
	t.Helper()
	m := machine{}
	m.processes(t)
	m.lines(t, "mount", "/proc/self/mountinfo", func(line string) string {
		f := strings.Fields(line)
		return f[4] + " " + f[3] // the mount point, and what of its file system
	})
	m.network(t)
	m.cgroups(t)
	m.sysctls(t)
	for _, dir := range []string{"/etc", "/usr", "/opt", "/run", "/var", "/srv", "/boot", "/root/.kube", home(t)} {
		m.files(t, dir)
	}
	return m
}

// processes are those that a cluster runs: by their program, or because they
// live in a pod's cgroup. Others come and go by themselves.
func (m machine) processes(t *testing.T) {
	t.Helper()
	ours := []string{"containerd", "containerd-shim", "kubelet", "kube", "etcd", "coredns", "flanneld", "pause", "runc"}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		exe, err := os.Readlink(filepath.Join(dir, "exe"))
		if err != nil {
			continue // a kernel thread, or gone
		}
		cgroup, _ := os.ReadFile(filepath.Join(dir, "cgroup"))
		base := strings.TrimSuffix(filepath.Base(exe), " (deleted)")
		self := exe == program(t) || exe == desired.SelfPath // another copy is somebody else's
		if self || slices.Contains(ours, base) || strings.Contains(base, "containerd-shim") || strings.Contains(string(cgroup), "kubepods") {
			m["process "+filepath.Base(dir)+" "+exe] = "runs"
		}
	}
}

func (m machine) lines(t *testing.T, what, path string, key func(string) string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		m[what+" "+key(strings.TrimSpace(line))] = "is there"
	}
}

func (m machine) network(t *testing.T) {
	t.Helper()
	h, err := local.New("here")
	if err != nil {
		t.Fatal(err)
	}
	links, err := h.Links(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		m["link "+l] = "is there"
	}
	tables, err := h.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range tables {
		m["nftables table "+l] = "is there"
	}
	m.command(t, "route", "ip", "-4", "route", "show", "table", "all")
	m.command(t, "route", "ip", "-6", "route", "show", "table", "all")
	m.command(t, "rule", "ip", "rule")
	if _, err := exec.LookPath("iptables-save"); err == nil {
		m.command(t, "iptables", "iptables-save")
	}
}

func (m machine) command(t *testing.T, what string, argv ...string) {
	t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).Output()
	if err != nil {
		t.Fatalf("%v: %v", argv, err)
	}
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") && !strings.Contains(line, "expires") {
			m[what+" "+line] = "is there"
		}
	}
}

func (m machine) cgroups(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("/sys/fs/cgroup", func(p string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			m["cgroup "+p] = "is there"
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (m machine) sysctls(t *testing.T) {
	t.Helper()
	for _, pattern := range []string{
		"net/ipv4/ip_forward", "net/ipv4/conf/all/*", "net/ipv4/conf/default/*", "net/ipv6/conf/all/forwarding",
		"net/bridge/*", "net/netfilter/nf_conntrack_*", "vm/*", "kernel/panic*", "kernel/keys/*",
	} {
		paths, err := filepath.Glob("/proc/sys/" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			value, err := os.ReadFile(p)
			if err == nil && !strings.HasSuffix(p, "_count") && !strings.HasSuffix(p, "stat_refresh") {
				m["sysctl "+strings.TrimPrefix(p, "/proc/sys/")] = strings.TrimSpace(string(value))
			}
		}
	}
}

// passing are files that other programs write all the time.
var passing = []string{"/var/cache/", "/var/lib/apt/", "/var/lib/dpkg/", "/var/log/journal/", "/var/log/wtmp", "/var/log/btmp", "/var/tmp/", "/run/utmp", "/run/lock/"}

// labs is where the hosts of every lab lie; those of these tests are "e2e" and "parts".
const labs = "/var/lib/keelway-lab/"

func ourLab(p string) bool {
	return strings.HasPrefix(p, labs+"e2e/") || strings.HasPrefix(p, labs+"parts/")
}

func (m machine) files(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && filepath.Base(filepath.Dir(p)) == "hosts" && strings.HasPrefix(p, labs) && !ourLab(p) {
			return fs.SkipDir // the disk of a host that somebody works with meanwhile
		}
		if err != nil || slices.ContainsFunc(passing, func(prefix string) bool { return strings.HasPrefix(p, prefix) }) {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return nil
		}
		text := info.Mode().String()
		switch {
		case info.Mode().IsRegular():
			text += fmt.Sprintf(" %d bytes, changed %s", info.Size(), info.ModTime())
			if givenBack(p) {
				text = info.Mode().String() // its content is compared by the test that owns it
			}
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(p)
			text += " to " + target
		}
		m["file "+p] = text
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

// givenBack is true for the files of somebody else that up changes and down
// writes again: they are as they were but for their time.
func givenBack(p string) bool {
	return p == "/etc/crictl.yaml" || strings.HasSuffix(p, "/.kube/config")
}

// difference says what differs between two looks, sorted.
func difference(before, after machine) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(before)) {
		now, ok := after[key]
		switch {
		case !ok:
			out = append(out, "gone: "+key+" ("+before[key]+")")
		case now != before[key]:
			out = append(out, "changed: "+key+": "+before[key]+" -> "+now)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(after)) {
		if _, ok := before[key]; !ok {
			out = append(out, "left: "+key+" ("+after[key]+")")
		}
	}
	return out
}
