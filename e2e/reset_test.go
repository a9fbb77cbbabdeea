package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestReset has one host join and leave clusters of both programs: each resets
// what the other made, and the next init starts from a clean machine.
func TestReset(t *testing.T) {
	long(t)
	f := newFleet(t, "e2e", "--controlplanes", "1")
	fresh := f.inside("cp1")
	const keelway = "/mnt/share/keelway "
	init := func() {
		t.Helper()
		f.on("cp1", keelway+"init --config /root/init.yaml --bundle /mnt/share/bundle.tar.zst")
		if out := f.on("cp1", "keelway kubectl get nodes --no-headers"); !strings.Contains(out, " Ready ") {
			t.Fatalf("the node is not ready: %s", out)
		}
	}
	f.on("cp1", keelway+"up --bundle /mnt/share/bundle.tar.zst --until sysctl")
	f.on("cp1", "cat > /root/init.yaml <<'E'\n"+initConfig+"E")
	installed := f.inside("cp1")
	clean := func(whose string) {
		t.Helper()
		if left := unexpected(difference(installed, f.inside("cp1"))); len(left) > 0 {
			t.Errorf("after %s this is left:\n%s", whose, strings.Join(left, "\n"))
		}
	}

	init()
	f.on("cp1", saveConfig)
	// Nothing is changed without consent, and a dry run only says.
	if out, _ := f.try("cp1", keelway+"reset </dev/null; echo code=$?"); !strings.Contains(out, "code=2") || !strings.Contains(out, "--force") {
		t.Errorf("reset without a terminal: %s", out)
	}
	out := f.on("cp1", keelway+"reset --force --dry-run && systemctl is-active kubelet && ls /var/lib/etcd/member")
	for _, want := range []string{"would stop the kubelet", "would remove etcd's data", "/etc/kubernetes/admin.conf", "last copy", "\nactive\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("the dry run does not say %q:\n%s", want, out)
		}
	}
	// With etcd down nobody knows whether this is the last copy.
	f.on("cp1", "systemctl stop kubelet && crictl stop $(crictl ps -q --name '^etcd$')")
	out, _ = f.try("cp1", keelway+"reset phase remove-etcd-member; echo code=$?; ls /var/lib/etcd /etc/kubernetes/manifests")
	for _, want := range []string{"code=4", "--force", "etcdctl --endpoints=", "member", "etcd.yaml"} {
		if !strings.Contains(out, want) {
			t.Errorf("reset with etcd down does not say %q:\n%s", want, out)
		}
	}
	if out := f.on("cp1", keelway+"reset --force"); !strings.Contains(out, "keelway down") || !strings.Contains(out, "has left its cluster") {
		t.Errorf("reset does not say what is left:\n%s", out)
	}
	clean("reset with etcd down")
	if out := f.on("cp1", keelway+"reset --force"); !strings.Contains(out, "nothing to remove") {
		t.Errorf("a second reset has something to do:\n%s", out)
	}

	// Killed in the middle, it goes on. What it gave up needs no --force later, when
	// nobody can be asked any more; while etcd answers, it does.
	init()
	f.on("cp1", keelway+"reset --force >/dev/null & p=$!; until [ -e /var/lib/etcd/keelway-released ]; do sleep 0.01; done; kill -KILL $p; wait $p; test -d /var/lib/etcd/member")
	out, _ = f.try("cp1", "crictl stop $(crictl ps -q --name '^etcd$'); "+keelway+"reset phase remove-etcd-member; echo code=$?; ls -A /var/lib/etcd")
	if !strings.HasSuffix(out, "code=0\n") {
		t.Errorf("what was given up is not removed without --force:\n%s", out)
	}
	f.on("cp1", keelway+"reset --force")
	clean("a reset that was killed")

	// What the real kubeadm made.
	f.on("cp1", "PATH=$PATH:/mnt/share kubeadm init --config /root/kubeadm.yaml --ignore-preflight-errors all --skip-token-print")
	waitFor(t, time.Minute, "kube-proxy of kubeadm's cluster", func() (bool, string) {
		out, err := f.try("cp1", "nft list table ip kube-proxy || iptables-save | grep KUBE-SERVICES")
		return err == nil, out
	})
	f.on("cp1", keelway+"reset --force")
	clean("the reset of kubeadm's cluster")

	// What Keelway made, by the real kubeadm.
	init()
	out = f.on("cp1", "/mnt/share/kubeadm reset --force")
	if left := f.on("cp1", "ls -A /etc/kubernetes/manifests /etc/kubernetes/pki /var/lib/etcd /var/lib/kubelet | grep -v ':$' || true"); strings.TrimSpace(left) != "" {
		t.Errorf("kubeadm reset left %s\n%s", left, out)
	}
	f.on("cp1", keelway+"reset --force")
	clean("kubeadm's reset")
	init()

	// And the machine can still be given back.
	f.on("cp1", keelway+"reset --force")
	f.on("cp1", keelway+"down --yes")
	if left := difference(fresh, f.inside("cp1")); len(left) > 0 {
		t.Errorf("reset and down left behind:\n%s", strings.Join(left, "\n"))
	}
}

// initConfig fits the runtime of a host with cgroup v1, which `up` installed.
const initConfig = `apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
networking: {podSubnet: 10.244.0.0/16}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
`

// saveConfig writes the cluster's configuration as a file for the real kubeadm,
// which would otherwise pull images that are not here.
const saveConfig = `set -e
get() { keelway kubectl -n kube-system get cm $1 -o "jsonpath={.data.$2}"; echo; }
{ get kubeadm-config ClusterConfiguration; echo ---; get kubelet-config kubelet; echo ---; get kube-proxy 'config\.conf'; } > /root/kubeadm.yaml`

// unexpected leaves out what reset says that it leaves: folders of kubeadm's,
// logs, and what the runtime keeps.
func unexpected(left []string) []string {
	var found []string
	for _, line := range left {
		known := false
		for _, p := range []string{
			"/etc/kubernetes ", "/etc/kubernetes/manifests ", "/etc/kubernetes/pki ", "/etc/kubernetes/tmp", "/var/lib/kubelet ", "/var/lib/etcd ",
			"/var/log/", "/var/lib/containerd", "/run/containerd", "/var/lib/keelway", "/var/lib/cni", "/opt/cni", "/run/netns", "/root/kubeadm.yaml", "/root/init.yaml",
			"/usr/bin/kubelet", "/usr/bin/kubectl", "/usr/local/bin/keelway", "/usr/local/bin/kubectl", "kubelet.service", "/usr/libexec/kubernetes", "/run/xtables.lock", "sysctl ", "/etc/crictl", "/var/cache", "/run/systemd", "/opt/containerd",
		} {
			known = known || strings.Contains(line+" ", p)
		}
		if !known {
			found = append(found, line)
		}
	}
	return found
}
