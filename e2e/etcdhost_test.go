package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEtcdHosts makes a cluster over three etcd members on hosts of their own,
// changes, shrinks and grows them, and then a cluster over an etcd that is the
// user's own.
func TestEtcdHosts(t *testing.T) {
	long(t)
	file := filepath.Join(t.TempDir(), "cluster.yaml")
	f := newFleet(t, "etcd", "--controlplanes", "2", "--workers", "1", "--etcd-members", "3", "--file", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	whole := string(text)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	with := func(command string, more ...string) result {
		t.Helper()
		return run(t, append([]string{command, "-f", file, "--bundle", bundle(t)}, more...)...)
	}
	apply := func(says string, more ...string) {
		t.Helper()
		if r := with("apply", append([]string{"--yes"}, more...)...); r.code != 0 || !strings.Contains(r.out, says) {
			t.Fatalf("apply %v: exit code %d, want %q\n%s%s", more, r.code, says, r.out, r.err)
		}
	}
	etcdctl := func(host, command string) string {
		t.Helper()
		return f.on(host, "crictl exec $(crictl ps -q --name etcd) etcdctl --endpoints https://127.0.0.1:2379 --cacert /etc/kubernetes/pki/etcd/ca.crt"+
			" --cert /etc/kubernetes/pki/etcd/healthcheck-client.crt --key /etc/kubernetes/pki/etcd/healthcheck-client.key "+command)
	}
	members := func(host string, want int) {
		t.Helper()
		if out := etcdctl(host, "member list"); strings.Count(out, "started") != want || strings.Count(out, ", false") != want {
			t.Errorf("%d members with a vote are wanted:\n%s", want, out)
		}
	}
	nodes := func() {
		t.Helper()
		if out := f.kubectl("get nodes --no-headers"); strings.Count(out, " Ready ") != 3 || strings.Contains(out, "etcd") {
			t.Errorf("three nodes are wanted, and no host of etcd:\n%s", out)
		}
	}
	fresh := f.inside("etcd2")
	apply("proved: ")
	nodes()
	members("etcd1", 3)
	apply("nothing to do")
	for _, host := range []string{"cp2", "w1", "etcd2"} {
		f.status(host, "keelway apply")
	}
	if r := with("verify"); r.code != 0 || !strings.Contains(r.out, "3 members, etcd") {
		t.Errorf("verify: exit code %d\n%s%s", r.code, r.out, r.err)
	}

	t.Run("a flag of every member", func(t *testing.T) {
		write(strings.Replace(whole, "topology: external\n", "topology: external\n    extraArgs: [{name: quota-backend-bytes, value: '4294967296'}]\n", 1))
		apply("as the file says")
		for _, host := range []string{"etcd1", "etcd2", "etcd3"} {
			if out := f.on(host, "tr '\\0' ' ' < /proc/$(pidof etcd)/cmdline"); !strings.Contains(out, "quota-backend-bytes=4294967296") {
				t.Errorf("%s runs without the flag: %s", host, out)
			}
		}
		members("etcd1", 3)
		apply("nothing to do")
	})
	t.Run("the first member leaves, and a new one takes its place", func(t *testing.T) {
		apply("", "--remove", "etcd1")
		members("etcd2", 2)
		if out, err := f.try("etcd1", "ls /etc/kubernetes"); err == nil {
			t.Errorf("etcd1 was removed and not cleaned:\n%s", out)
		}
		apply("as the file says")
		members("etcd2", 3)
		nodes()
		apply("nothing to do")
	})
	t.Run("a member that the file does not name", func(t *testing.T) {
		now, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		write(without(t, string(now), "etcd3"))
		apply("as the file says")
		if r := with("plan"); r.code != 0 || !strings.Contains(r.out, "apply --remove etcd3") {
			t.Errorf("plan does not notice etcd3: exit code %d\n%s%s", r.code, r.out, r.err)
		}
		if out := f.on("cp1", "grep etcd-servers /etc/kubernetes/manifests/kube-apiserver.yaml"); strings.Count(out, "https://") != 2 {
			t.Errorf("the API server asks others: %s", out)
		}
		write(string(now))
		apply("as the file says")
	})
	t.Run("an etcd of the user's own", func(t *testing.T) { f.othersEtcd(file, with, etcdctl) })

	write(whole)
	if r := with("destroy", "--yes"); r.code != 0 {
		t.Fatalf("destroy: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if left := difference(fresh, f.inside("etcd2")); len(left) > 0 {
		t.Errorf("destroy left behind on etcd2:\n%s", strings.Join(left, "\n"))
	}
}

// othersEtcd makes the control planes and the worker anew, over the members as
// an etcd that the file names only.
func (f fleet) othersEtcd(file string, with func(string, ...string) result, etcdctl func(host, command string) string) {
	t := f.t
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	others := string(text)
	var endpoints []string
	for _, host := range []string{"etcd1", "etcd2", "etcd3"} {
		endpoints = append(endpoints, "https://"+strings.TrimSpace(f.on(host, "hostname -I | cut -d' ' -f1"))+":2379")
		others = without(t, others, host)
	}
	others = others[:strings.Index(others, "  etcd:\n")] + others[strings.Index(others, "  hosts:\n"):] +
		"  etcd:\n    external:\n      endpoints: [" + strings.Join(endpoints, ", ") + "]\n" +
		"      caFile: /etc/others-etcd/ca.crt\n      certFile: /etc/others-etcd/client.crt\n      keyFile: /etc/others-etcd/client.key\n"
	keys := f.on("cp1", "cd /etc/kubernetes/pki && tar -c etcd/ca.crt apiserver-etcd-client.crt apiserver-etcd-client.key | base64 -w0")
	if err := os.WriteFile(file, []byte(others), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := with("destroy", "--yes"); r.code != 0 {
		t.Fatalf("destroy: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	etcdctl("etcd1", "del --prefix /registry")
	for _, host := range []string{"cp1", "cp2"} {
		f.on(host, "mkdir -p /etc/others-etcd && cd /etc/others-etcd && echo "+strings.TrimSpace(keys)+
			" | base64 -d | tar -x && mv etcd/ca.crt ca.crt && mv apiserver-etcd-client.crt client.crt && mv apiserver-etcd-client.key client.key && rmdir etcd")
	}
	for _, says := range []string{"proved: ", "nothing to do"} {
		if r := with("apply", "--yes"); r.code != 0 || !strings.Contains(r.out, says) {
			t.Fatalf("apply over another's etcd: exit code %d, want %q\n%s%s", r.code, says, r.out, r.err)
		}
	}
	if r := with("verify"); r.code != 0 {
		t.Errorf("verify: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	// What belongs to all of the cluster is kept up after the first run too.
	f.kubectl("-n kube-system delete deployment,configmap coredns")
	if r := with("apply", "--yes"); r.code != 0 || !strings.Contains(r.out, "as the file says") {
		t.Errorf("apply without CoreDNS: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if out := f.kubectl("-n kube-system get deployment coredns -o name"); !strings.Contains(out, "coredns") {
		t.Errorf("CoreDNS is not there again: %s", out)
	}
	if r := with("destroy", "--yes"); r.code != 0 {
		t.Errorf("destroy: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if out := etcdctl("etcd1", "get --prefix --keys-only --limit 1 /registry"); !strings.Contains(out, "/registry/") {
		t.Errorf("destroy took the data of another's etcd: %q", out)
	}
	for _, host := range []string{"cp1", "cp2"} {
		f.on(host, "rm -r /etc/others-etcd")
	}
}
