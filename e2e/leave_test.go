package e2e

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const apiserver = "/etc/kubernetes/manifests/kube-apiserver.yaml"

// etcdctl runs beside a host's own member, whether the API answers or not.
func (f fleet) etcdctl(host, command string) (string, error) {
	f.t.Helper()
	return f.try(host, "crictl exec $(crictl ps -q --name '^etcd$') etcdctl --endpoints https://127.0.0.1:2379 --cacert /etc/kubernetes/pki/etcd/ca.crt"+
		" --cert /etc/kubernetes/pki/etcd/healthcheck-client.crt --key /etc/kubernetes/pki/etcd/healthcheck-client.key "+command)
}

// members are etcd's, as cp1's own lists them.
func (f fleet) members() string {
	f.t.Helper()
	out, err := f.etcdctl("cp1", "member list")
	if err != nil {
		f.t.Fatalf("member list: %v\n%s", err, out)
	}
	return out
}

// voters are the names of the members with a vote.
func (f fleet) voters() string {
	f.t.Helper()
	var names []string
	for line := range strings.Lines(f.members()) {
		cells := strings.Split(strings.TrimSpace(line), ", ") // ID, state, name, peer's and client's URLs, learner
		if len(cells) != 6 || cells[1] != "started" || cells[5] != "false" {
			f.t.Fatalf("not a member with a vote: %s", line)
		}
		names = append(names, cells[2])
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// silence takes the API server of cp1 away, which every kubeconfig names, and
// returns what gives it back.
func (f fleet) silence() func() {
	f.t.Helper()
	f.on("cp1", "mv "+apiserver+" /root/")
	waitFor(f.t, time.Minute, "the API server to end", func() (bool, string) {
		out := f.on("cp1", "ss -Hltn 'sport = :6443'")
		return strings.TrimSpace(out) == "", out
	})
	return func() { f.on("cp1", "mv /root/kube-apiserver.yaml "+apiserver) }
}

// leave has machines that kubeadm joined leave a cluster by Keelway, with the
// API and with none, and a machine leave a cluster whose etcd is elsewhere.
func leave(t *testing.T, f fleet) {
	t.Helper()
	for _, part := range []struct {
		name string
		run  func(*testing.T, fleet)
	}{
		{"a worker leaves", workerLeaves},
		{"a member leaves without the API", memberLeaves},
		{"an external etcd stays", externalStays},
		{"the last copy stays", lastCopy},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.run(t, fleet{t, f.name, f.share}) }) {
			return
		}
	}
}

// says wants words in what reset has said.
func says(t *testing.T, out string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), w) {
			t.Errorf("reset does not say %q:\n%s", w, out)
		}
	}
}

func workerLeaves(t *testing.T, f fleet) {
	says(t, f.on("w2", "/mnt/share/keelway reset --force"), "this machine has left its cluster", "the Node w2", "kubectl delete node w2", "keelway down")
	f.kubectl("delete node w2")
}

// memberLeaves stops all that runs on cp3, and the one API server that its files
// name: its member leaves through the others.
func memberLeaves(t *testing.T, f fleet) {
	speak := f.silence()
	f.on("cp3", "systemctl stop kubelet && crictl stop $(crictl ps -q --name '^etcd$')")
	says(t, f.on("cp3", "/mnt/share/keelway reset --force"), "take this machine's etcd member out of its cluster", "this machine has left its cluster", "the Node cp3")
	if have := f.voters(); have != "cp1 cp2" {
		t.Errorf("after cp3 has left, the members are %s", have)
	}
	out := f.on("cp3", "ls -A /var/lib/etcd /etc/kubernetes/manifests /etc/kubernetes/pki /var/lib/kubelet; ip -o link")
	for _, word := range []string{"member", ".yaml", "ca.key", "cni0"} {
		if strings.Contains(out, word) {
			t.Errorf("cp3 has left, and %s is there:\n%s", word, out)
		}
	}
	speak()
	waitFor(t, time.Minute, "the API to be back", func() (bool, string) {
		out, err := f.try("cp1", "kubectl --kubeconfig /etc/kubernetes/admin.conf delete node cp3")
		return err == nil, out
	})
	f.ready(3, 2)
}

// externalStays has cp3 make a cluster whose etcd is another machine's, and leave it.
func externalStays(t *testing.T, f fleet) {
	const pki = "/etc/kubernetes/pki/"
	f.on("cp1", "install -D -m 600 -t /srv/etcd "+pki+"etcd/ca.crt "+pki+"apiserver-etcd-client.crt "+pki+"apiserver-etcd-client.key")
	f.hand("cp1", "cp3", "/srv/etcd/ca.crt", "/srv/etcd/apiserver-etcd-client.crt", "/srv/etcd/apiserver-etcd-client.key")
	f.on("cp3", "cat > /tmp/external.yaml <<'E'\n"+externalConfig+"E")
	f.on("cp3", "/mnt/share/keelway init --config /tmp/external.yaml --bundle /mnt/share/bundle.tar.zst")
	stored := func() []string {
		t.Helper()
		out, err := f.etcdctl("cp1", "get /other/ --prefix --keys-only")
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		// Leases and events come and go.
		return regexp.MustCompile(`(?m)^/other/(namespaces|nodes|secrets|configmaps|serviceaccounts)/.*$`).FindAllString(out, -1)
	}
	before := stored()
	if !slices.Contains(before, "/other/configmaps/kube-system/kubeadm-config") {
		t.Fatalf("the cluster of cp3 is not stored in the etcd of cp1:\n%s", strings.Join(before, "\n"))
	}
	out := f.on("cp3", "/mnt/share/keelway reset --force && ls /srv/etcd/apiserver-etcd-client.key")
	if !strings.Contains(out, "https://cp1:2379, with all its data") {
		t.Errorf("reset does not say that the external etcd stays:\n%s", out)
	}
	after := stored()
	if gone := slices.DeleteFunc(before, func(key string) bool { return slices.Contains(after, key) }); len(gone) > 0 {
		t.Errorf("reset has removed from an external etcd:\n%s", strings.Join(gone, "\n"))
	}
	if have := f.voters(); have != "cp1 cp2" {
		t.Errorf("reset has changed the members of an external etcd: %s", have)
	}
}

// lastCopy shows what the peer does without the API: it deletes the data of a
// member and leaves the member, and the other, which waits for it, stands
// still. That one may be the last copy, and Keelway leaves it as it is.
func lastCopy(t *testing.T, f fleet) {
	f.silence()
	out, _ := f.try("cp2", "/mnt/share/kubeadm reset --force")
	f.on("cp2", "test ! -e /var/lib/etcd/member")
	if health, err := f.etcdctl("cp1", "endpoint health"); err == nil {
		t.Errorf("the peer has taken the member of cp2 out without the API: this test shows nothing any more\n%s\n%s", health, out)
	}
	const look = "find /etc/kubernetes /var/lib/kubelet/config.yaml -type f -exec md5sum {} + && ls -A /var/lib/etcd && systemctl is-active kubelet && crictl ps -q --name '^etcd$' | wc -l"
	before := f.on("cp1", look)
	out, _ = f.try("cp1", "/mnt/share/keelway reset phase remove-etcd-member; echo code=$?")
	for _, want := range []string{"code=4", "nothing was changed", "may be the last copy", "add --force", "member remove"} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			t.Errorf("reset of what may be the last copy does not say %q:\n%s", want, out)
		}
	}
	if after := f.on("cp1", look); after != before {
		t.Errorf("it was refused, and this was\n%s\nand is\n%s", before, after)
	}
}

// externalConfig is a cluster in the etcd of another.
const externalConfig = `apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
networking: {podSubnet: 10.244.0.0/16}
etcd:
  external:
    endpoints: [https://cp1:2379]
    caFile: /srv/etcd/ca.crt
    certFile: /srv/etcd/apiserver-etcd-client.crt
    keyFile: /srv/etcd/apiserver-etcd-client.key
apiServer: {extraArgs: [{name: etcd-prefix, value: /other}]}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
`
