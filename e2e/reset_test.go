package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestReset has one host make and leave clusters of both programs: each resets
// what the other made, and the next init starts from a clean machine.
func TestReset(t *testing.T) {
	f := newFleet(t, "reset", "--controlplanes", "1")
	fresh := f.inside("cp1")
	const keelway = "/mnt/share/keelway "
	init := func(config string) {
		t.Helper()
		f.on("cp1", "cat > /tmp/init.yaml <<'E'\n"+config+"E\n"+keelway+"init --config /tmp/init.yaml --bundle /mnt/share/bundle.tar.zst")
		// Two pods of the pod network: whatever was there before does not hinder it.
		f.on("cp1", "keelway kubectl -n kube-system wait --for=condition=Ready pod -l k8s-app=kube-dns --timeout=90s")
	}
	f.on("cp1", keelway+"up --bundle /mnt/share/bundle.tar.zst --until sysctl")
	installed := f.inside("cp1")
	clean := func(whose string) {
		t.Helper()
		if left := unexpected(difference(installed, f.inside("cp1"))); len(left) > 0 {
			t.Errorf("after %s this is left:\n%s", whose, strings.Join(left, "\n"))
		}
	}

	init(initConfig)
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
	// What Keelway made, by the real kubeadm: it leaves the pod network and rules.
	out = f.on("cp1", "/mnt/share/kubeadm reset --force")
	if left := f.on("cp1", "ls -A /etc/kubernetes/manifests /etc/kubernetes/pki /var/lib/etcd /var/lib/kubelet | grep -v ':$' || true"); strings.TrimSpace(left) != "" {
		t.Errorf("kubeadm reset left %s\n%s", left, out)
	}
	if left := strings.Join(unexpected(difference(installed, f.inside("cp1"))), "\n"); !strings.Contains(left, "link cni0") || !strings.Contains(left, "nft table ip nat") {
		t.Errorf("the peer cleans by itself what this test is for:\n%s", left)
	}

	// The next cluster has another range of pods, and the bridge of the last one
	// does not hinder it. With etcd down nobody knows whether this is the last copy.
	init(strings.Replace(initConfig, "10.244.", "10.245.", 1))
	const remove = keelway + "reset phase remove-etcd-member; echo code=$?; ls -A /var/lib/etcd /etc/kubernetes/manifests"
	f.on("cp1", "systemctl stop kubelet && crictl stop $(crictl ps -q --name '^etcd$')")
	out, _ = f.try("cp1", remove)
	for _, want := range []string{"code=4", "--force", "etcdctl --endpoints=", "member", "etcd.yaml"} {
		if !strings.Contains(out, want) {
			t.Errorf("reset with etcd down does not say %q:\n%s", want, out)
		}
	}
	// Killed in the middle, it goes on, and what was given up needs no --force later.
	f.on("cp1", keelway+"reset --force >/dev/null & p=$!; until [ -e /var/lib/etcd/keelway-released ]; do sleep 0.01; done; kill -KILL $p; wait $p; test -d /var/lib/etcd/member")
	if out, _ = f.try("cp1", remove); !strings.Contains(out, "code=0\n") || strings.Contains(out, "etcd.yaml") || !strings.HasSuffix(out, "/var/lib/etcd:\n") {
		t.Errorf("what was given up is not removed without --force:\n%s", out)
	}
	if out := f.on("cp1", keelway+"reset --force"); !strings.Contains(out, "keelway down") || !strings.Contains(out, "has left its cluster") {
		t.Errorf("reset does not say what is left:\n%s", out)
	}
	clean("reset with etcd down")
	if out := f.on("cp1", keelway+"reset --force"); !strings.Contains(out, "nothing to remove") {
		t.Errorf("a second reset has something to do:\n%s", out)
	}

	// What the real kubeadm made, with all of it at work.
	f.on("cp1", "PATH=$PATH:/mnt/share kubeadm init --config /tmp/kubeadm.yaml --ignore-preflight-errors all --skip-token-print")
	waitFor(t, time.Minute, "kube-proxy of kubeadm's cluster", func() (bool, string) {
		out, err := f.try("cp1", "nft list table ip kube-proxy || iptables-save | grep KUBE-SERVICES")
		return err == nil, out
	})
	f.on("cp1", keelway+"reset --force")
	clean("the reset of kubeadm's cluster")

	// And the machine can still be given back.
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
{ get kubeadm-config ClusterConfiguration; echo ---; get kubelet-config kubelet; echo ---; get kube-proxy 'config\.conf'; } > /tmp/kubeadm.yaml`

// unexpected leaves out what reset says that it leaves: folders of kubeadm's,
// logs, and what the runtime keeps.
func unexpected(left []string) []string {
	var found []string
	for _, line := range left {
		known := false
		for _, p := range []string{
			"/etc/kubernetes ", "/etc/kubernetes/manifests ", "/etc/kubernetes/pki ", "/etc/kubernetes/tmp", "/var/lib/kubelet ", "/var/lib/etcd ",
			"/var/log/", "/var/lib/containerd", "/run/containerd", "/var/lib/keelway", "/var/lib/cni", "/opt/cni", "/run/netns",
			"/usr/bin/kubelet", "/usr/bin/kubectl", "/usr/local/bin/keelway", "/usr/local/bin/kubectl", "kubelet.service", "/run/xtables.lock", "sysctl ", "/etc/crictl", "/var/cache", "/run/systemd", "/opt/containerd",
		} {
			known = known || strings.Contains(line+" ", p)
		}
		if !known {
			found = append(found, line)
		}
	}
	return found
}
