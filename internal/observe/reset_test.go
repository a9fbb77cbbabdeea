package observe

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/desired/cni"
	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/prior"
)

const etcdYAML = `apiVersion: v1
kind: Pod
metadata: {name: etcd, namespace: kube-system}
spec:
  containers:
  - name: etcd
    command:
    - etcd
    - --name=b
    - --advertise-client-urls=https://192.0.2.12:2379
    - --initial-advertise-peer-urls=https://192.0.2.12:2380
    - --initial-cluster=a=https://192.0.2.11:2380,b=https://192.0.2.12:2380,c=https://[2001:db8::3]:2380
    - --trusted-ca-file=/pki/etcd/ca.crt
  volumes:
  - {name: etcd-data, hostPath: {path: /data/etcd}}
`

func TestEtcdHere(t *testing.T) {
	for _, row := range []struct {
		name  string
		files map[string]string
		check func(e observed.Etcd) bool
	}{
		{"a worker", nil, func(e observed.Etcd) bool {
			return e.Manifest == "" && len(e.External) == 0 && e.Data == nil && !e.Released
		}},
		{"a member", map[string]string{"/etc/kubernetes/manifests/etcd.yaml": etcdYAML, "/data/etcd/member/snap/db": "", "/var/lib/etcd/member/x": ""}, func(e observed.Etcd) bool {
			return e.Manifest != "" && e.Name == "b" && e.PeerURL == "https://192.0.2.12:2380" && e.Certs == "/pki/etcd" &&
				slices.Equal(e.Data, []string{"/data/etcd/member"}) && !e.Running &&
				slices.Equal(e.Asked, []string{"https://192.0.2.11:2379", "https://192.0.2.12:2379", "https://[2001:db8::3]:2379"})
		}},
		{"given up, and the mark is last", map[string]string{"/etc/kubernetes/manifests/etcd.yaml": etcdYAML, "/data/etcd/keelway-released": "", "/data/etcd/member/x": ""}, func(e observed.Etcd) bool {
			return e.Released && slices.Equal(e.Data, []string{"/data/etcd/member", "/data/etcd/keelway-released"})
		}},
		{"a static pod that cannot be read", map[string]string{"/etc/kubernetes/manifests/etcd.yaml": "kind: [", "/var/lib/etcd/member/x": ""}, func(e observed.Etcd) bool {
			return e.Manifest != "" && strings.Contains(e.Why, "cannot be read") && len(e.Data) == 1
		}},
		{"a member whose static pod is gone already", map[string]string{"/etc/kubernetes/manifests/kube-apiserver.yaml": "spec: {containers: [{command: [kube-apiserver, '--etcd-servers=https://127.0.0.1:2379']}]}", "/var/lib/etcd/member/x": ""}, func(e observed.Etcd) bool {
			return e.Manifest == "" && len(e.External) == 0 && len(e.Data) == 1
		}},
		{"external", map[string]string{"/etc/kubernetes/manifests/kube-apiserver.yaml": "spec: {containers: [{command: [kube-apiserver, '--etcd-servers=https://e1:2379,https://e2:2379']}]}"}, func(e observed.Etcd) bool {
			return e.Manifest == "" && slices.Equal(e.External, []string{"https://e1:2379", "https://e2:2379"})
		}},
	} {
		h := hosttest.New("h")
		for p, text := range row.files {
			h.WriteFile(t, p, 0o600, text)
		}
		o := &Observer{Host: h, Cluster: Cluster{Client: func(context.Context) (*kube.Client, error) { return nil, errors.New("down") }}}
		e, err := o.EtcdHere(t.Context(), "")
		if err != nil || !row.check(e) {
			t.Errorf("%s: %+v, %v", row.name, e, err)
		}
		// Without certificates nobody is asked, and nothing is known.
		if e = o.AskEtcd(t.Context(), e); e.Known || e.Manifest != "" && e.Why == "" {
			t.Errorf("%s: asked: %+v", row.name, e)
		}
	}
}

func TestResetPaths(t *testing.T) {
	const theirs = "/srv/pki"
	h := hosttest.New("h")
	for _, p := range []string{
		"/etc/kubernetes/manifests/etcd.yaml", "/etc/kubernetes/manifests/own.yaml", "/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/etcd/ca.key",
		"/etc/kubernetes/admin.conf", "/etc/kubernetes/kubelet.conf", "/etc/kubernetes/notes.txt", "/etc/kubernetes/hardening/encryption.yaml", "/etc/kubernetes/tmp/backup/x",
		"/var/lib/kubelet/config.yaml", "/var/lib/keelway/prior.json", "/var/lib/keelway/options.json", "/var/lib/keelway/init/config.yaml",
		"/var/lib/cni/networks/cbr0/10.244.0.2", "/var/lib/cni/networks/other/10.1.0.2", "/etc/cni/net.d/10-calico.conflist",
		theirs + "/ca.crt", theirs + "/etcd/peer.key", theirs + "/sa.pub", theirs + "/web.key",
	} {
		h.WriteFile(t, p, 0o600, "")
	}
	h.WriteFile(t, cni.ConfFile, 0o644, cni.Config())
	was := prior.Record{Paths: map[string]prior.Was{"/etc/kubernetes": {}, "/etc/kubernetes/pki": {}, "/etc/kubernetes/hardening": {}, "/etc/kubernetes/hardening/encryption.yaml": {}}}
	o := &Observer{Host: h}
	always := []string{"/etc/kubernetes/admin.conf", "/etc/kubernetes/hardening", "/etc/kubernetes/kubelet.conf", "/etc/kubernetes/manifests/etcd.yaml", "/etc/kubernetes/manifests/own.yaml",
		"/var/lib/cni/networks/cbr0", "/var/lib/keelway/init", "/var/lib/keelway/options.json", "/var/lib/kubelet/config.yaml"}
	for _, row := range []struct {
		name string
		wish ResetWish
		was  bool
		more []string
	}{
		{"the usual", ResetWish{Certs: defaultCerts}, false, []string{"/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/etcd", cni.ConfFile}},
		{"the network came with the runtime", ResetWish{Certs: defaultCerts}, true, []string{"/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/etcd"}},
		{"with backups", ResetWish{Certs: defaultCerts, Temporary: true}, true, []string{"/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/etcd", "/etc/kubernetes/tmp/backup"}},
		{"certificates in somebody's folder", ResetWish{Certs: theirs}, true, []string{theirs + "/ca.crt", theirs + "/etcd/peer.key", theirs + "/sa.pub"}},
	} {
		delete(was.Paths, cni.ConfFile)
		if row.was {
			was.Paths[cni.ConfFile] = prior.Was{}
		}
		want := append(slices.Clone(always), row.more...)
		slices.Sort(want)
		if have := o.resetPaths(t.Context(), was, row.wish); !slices.Equal(have, want) {
			t.Errorf("%s:\nhave %v\nwant %v", row.name, have, want)
		}
	}
}

func TestHollow(t *testing.T) {
	const drivers = "/usr/libexec/kubernetes/kubelet-plugins/volume/exec"
	h := hosttest.New("h")
	o := &Observer{Host: h}
	if have := o.Hollow(t.Context(), "/usr/libexec/kubernetes"); have != nil {
		t.Errorf("a folder that is missing: %v", have)
	}
	h.WriteFile(t, drivers+"/theirs/driver", 0o755, "")
	if have := o.Hollow(t.Context(), "/usr/libexec/kubernetes"); have != nil {
		t.Errorf("somebody's driver lies there: %v", have)
	}
	if err := h.Remove(t.Context(), drivers+"/theirs"); err != nil {
		t.Fatal(err)
	}
	want := []string{drivers, "/usr/libexec/kubernetes/kubelet-plugins/volume", "/usr/libexec/kubernetes/kubelet-plugins", "/usr/libexec/kubernetes"}
	if have := o.Hollow(t.Context(), "/usr/libexec/kubernetes"); !slices.Equal(have, want) {
		t.Errorf("have %v, want %v", have, want)
	}
}
