package e2e

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSystemdHost makes a host in which systemd runs, and there the whole life
// of a cluster: up, up again, a reboot, down.
func TestSystemdHost(t *testing.T) {
	f := newFleet(t, "e2e", "--controlplanes", "1")
	fresh := f.inside("cp1")

	out := f.on("cp1", "/mnt/share/keelway up --bundle /mnt/share/bundle.tar.zst")
	for _, want := range []string{"services under systemd", "proved: "} {
		if !strings.Contains(out, want) {
			t.Errorf("up does not say %q:\n%s", want, out)
		}
	}
	if out := f.on("cp1", "keelway kubectl get nodes --no-headers"); !strings.Contains(out, " Ready ") || !strings.Contains(out, "v1.37.0") {
		t.Errorf("kubectl get nodes: %s", out)
	}
	if out := f.on("cp1", "systemctl is-active containerd kubelet keelway-approver && systemctl is-enabled containerd kubelet"); strings.Contains(out, "in") {
		t.Errorf("not every service is active and enabled:\n%s", out)
	}
	if out := f.on("cp1", "/mnt/share/keelway up --bundle /mnt/share/bundle.tar.zst"); !strings.Contains(out, "nothing to do") {
		t.Errorf("a second up has something to do:\n%s", out)
	}

	must(t, "lab", "stop", "--lab", "e2e")
	must(t, "lab", "start", "--lab", "e2e")
	waitFor(t, 2*time.Minute, "the cluster to be back after a reboot", func() (bool, string) {
		out, err := f.try("cp1", "keelway kubectl get --raw=/readyz && keelway kubectl -n kube-system get deployment coredns -o jsonpath={.status.readyReplicas}")
		return err == nil && strings.HasSuffix(strings.TrimSpace(out), "2"), out
	})
	if out := f.on("cp1", "/mnt/share/keelway up --bundle /mnt/share/bundle.tar.zst --prove"); !strings.Contains(out, "proved: ") {
		t.Errorf("the cluster does not answer after a reboot:\n%s", out)
	}

	f.on("cp1", "/mnt/share/keelway down --yes")
	if left := difference(fresh, f.inside("cp1")); len(left) > 0 {
		t.Errorf("down left behind:\n%s", strings.Join(left, "\n"))
	}
}

// bundle is the file that the whole run uses.
func bundle(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("../dist/keelway-bundle-v1.37.0-*.tar.zst")
	if err != nil || len(found) != 1 {
		t.Fatalf("one bundle in dist is needed (make bundle), there are %v, %v", found, err)
	}
	return found[0]
}

func copyFile(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, mode)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// inside takes stock of a host: what a cluster could leave behind there. Debian's
// own timers fill /var/backups at midnight.
func (f fleet) inside(host string) machine {
	f.t.Helper()
	const script = `find /etc /usr /opt /srv /root /var /run -xdev ` +
		`\( -path /var/log/journal -o -path /run/systemd -o -path /run/udev -o -path /run/user -o -path /run/credentials -o -path /run/machine-id -o -path /run/log -o -path /var/lib/systemd -o -path /run/keelway.lock -o -path /var/tmp -o -path /var/log/wtmp -o -path /var/backups \) -prune ` +
		`-o \( -type d -o -type f -o -type l \) -printf 'file %p %y %m %l\n'
awk '$2 !~ "^/run/credentials/" {print "mount", $2}' /proc/mounts
ip -o link | awk -F'[:@] *' '{print "link", $2}'
ip route | sed 's/^/route /'
nft list tables | sed 's/^/nft /'
for p in /proc/[0-9]*; do readlink $p/exe; done | grep -E 'keelway|containerd|kube|etcd|coredns|flanneld|haproxy|pause' | sed 's/^/process /'
for c in /sys/fs/cgroup/*; do ls -d $c/kube* 2>/dev/null; done | sed 's/^/cgroup /'
sysctl -n net.ipv4.ip_forward vm.overcommit_memory kernel.panic net.ipv4.conf.all.route_localnet | sed 's/^/sysctl /'
true`
	m := machine{}
	for line := range strings.Lines(f.on(host, script)) {
		m[strings.TrimSpace(line)] = "there"
	}
	if len(m) < 1000 || !slices.ContainsFunc([]string{"mount /", "mount /var"}, func(k string) bool { return m[k] != "" }) {
		f.t.Fatalf("looking at %s found %d things only", host, len(m))
	}
	return m
}

// waitFor asks until the answer is yes.
func waitFor(t *testing.T, limit time.Duration, what string, ask func() (bool, string)) {
	t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(time.Second) {
		ok, said := ask()
		if ok {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waited %s for %s in vain: %s", limit, what, said)
		}
	}
}
