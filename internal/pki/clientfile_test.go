package pki

import (
	"bytes"
	"crypto/rand"
	"testing"
	"time"
)

const kubeletPEM = "/var/lib/kubelet/pki/kubelet-client-current.pem"

// TestKubeconfigReferring holds the form that kubelet-finalize leaves.
func TestKubeconfigReferring(t *testing.T) {
	k := findKubeconfig(t, simple(), "kubelet.conf")
	k.ClientFile = kubeletPEM
	ca := mustIssue(t, clock(), find(t, Table(simple()), "ca"), nil)
	got, err := IssueKubeconfig(rand.Reader, clock(), k, &Pair{Cert: ca.Cert})
	if err != nil {
		t.Fatal(err)
	}
	const want = `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ...
    server: https://192.0.2.11:6443
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: system:node:node-1
  name: system:node:node-1@kubernetes
current-context: system:node:node-1@kubernetes
kind: Config
users:
- name: system:node:node-1
  user:
    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem
    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem
`
	if string(withoutData(got)) != want {
		t.Errorf("got %s", withoutData(got))
	}
	if found := CheckKubeconfig(got, k, ca.Cert, clock()); len(found) != 0 {
		t.Error(found)
	}
	file, err := IssueClientFile(rand.Reader, clock(), k, ca)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(file, []byte("-----BEGIN CERTIFICATE-----\n")) || !bytes.Contains(file, []byte("\n-----BEGIN EC PRIVATE KEY-----\n")) {
		t.Errorf("certificate and key are not in the kubelet's order")
	}
	if found := CheckClientFile(file, k, ca.Cert, clock()); len(found) != 0 {
		t.Error(found)
	}
	if _, err := ParsePair(file, file); err != nil {
		t.Error(err)
	}
}

func TestCheckClientFile(t *testing.T) {
	k := findKubeconfig(t, simple(), "kubelet.conf")
	k.ClientFile = kubeletPEM
	ca := mustIssue(t, clock(), find(t, Table(simple()), "ca"), nil)
	other := k
	other.Client.CommonName = "system:node:node-2"
	stranger, err := IssueClientFile(rand.Reader, clock(), other, ca)
	if err != nil {
		t.Fatal(err)
	}
	renewed := k
	renewed.Client.Algorithm = ECDSAP384
	own, err := IssueClientFile(rand.Reader, clock(), renewed, ca)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		data  []byte
		now   time.Time
		kinds string
	}{
		{"missing", nil, clock(), "fatal missing-file"},
		{"blank", []byte("\n"), clock(), "fatal missing-file"},
		{"garbage", []byte("x"), clock(), "fatal damaged, fatal damaged"},
		{"another node's", stranger, clock(), "fatal subject"},
		{"the kubelet's own algorithm", own, clock(), ""},
		{"expired", own, clock().AddDate(2, 0, 0), "fatal expired"},
	} {
		if got := kinds(CheckClientFile(tc.data, k, ca.Cert, tc.now)); got != tc.kinds {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.kinds)
		}
	}
}
