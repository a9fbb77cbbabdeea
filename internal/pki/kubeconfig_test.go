package pki

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientcmd "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/tools/clientcmd/api/latest"
)

func TestCheckKubeconfig(t *testing.T) {
	specs := Table(simple())
	ca, other := mustIssue(t, clock(), specs[0], nil), mustIssue(t, clock(), specs[0], nil)
	older, err := IssueForKey(rand.Reader, clock().AddDate(-1, 0, 0), specs[0], ca.KeyPEM, nil)
	if err != nil {
		t.Fatal(err)
	}
	k := findKubeconfig(t, simple(), "admin.conf")
	user, cluster := k.User, k.Cluster
	for _, tc := range []struct {
		name   string
		issue  func(*Kubeconfig)
		edit   func(*clientcmd.Config)
		want   func(*Kubeconfig)
		now    time.Time
		kinds  string
		action Action
		text   string
	}{
		{name: "as issued", action: Keep},
		{name: "expired", now: clock().AddDate(2, 0, 0), kinds: "fatal expired", action: Fresh, text: "it expired on 2027-09-01"},
		{name: "clock a year slow", now: clock().AddDate(-1, 0, 0), kinds: "fatal not-yet-valid", action: Fresh},
		{name: "endpoint changed", want: func(k *Kubeconfig) { k.Server = "https://api:6443" }, kinds: "fatal server", action: Fresh,
			text: "it calls https://192.0.2.11:6443, the configuration says https://api:6443"},
		{name: "admin of kubeadm before 1.29", issue: func(k *Kubeconfig) { k.Client.Organizations = []string{"kubeadm:cluster-admins", "system:masters"} }, kinds: "advice subject", action: Keep},
		{name: "other groups", issue: func(k *Kubeconfig) { k.Client.Organizations = []string{"system:masters"} }, kinds: "fatal subject", action: Fresh,
			text: `its organizations are ["system:masters"] instead of ["kubeadm:cluster-admins"]`},
		{name: "other user", issue: func(k *Kubeconfig) { k.Client.CommonName = "eve" }, kinds: "fatal subject", action: Fresh},
		{name: "renamed context", edit: func(c *clientcmd.Config) {
			c.Contexts["home"] = c.Contexts[user+"@"+cluster]
			c.CurrentContext = "home"
		}, kinds: "advice context", action: Keep, text: `its context is "home"`},
		{name: "other CA", edit: func(c *clientcmd.Config) { c.Clusters[cluster].CertificateAuthorityData = other.CertPEM }, kinds: "fatal ca", action: Keep, text: "which is not the cluster CA"},
		{name: "other CA too", edit: func(c *clientcmd.Config) {
			c.Clusters[cluster].CertificateAuthorityData = append(bytes.Clone(ca.CertPEM), other.CertPEM...)
		}, kinds: "advice ca", action: Keep, text: "it trusts 2 authorities"},
		{name: "older certificate of the CA", edit: func(c *clientcmd.Config) { c.Clusters[cluster].CertificateAuthorityData = older.CertPEM }, kinds: "advice ca", action: Keep, text: "it trusts an older certificate of the cluster CA, valid until 2035-08-30"},
		{name: "CA in a file", edit: func(c *clientcmd.Config) {
			c.Clusters[cluster].CertificateAuthorityData, c.Clusters[cluster].CertificateAuthority = nil, "/etc/kubernetes/pki/ca.crt"
		}, kinds: "advice ca", action: Keep},
		{name: "no CA", edit: func(c *clientcmd.Config) { c.Clusters[cluster].CertificateAuthorityData = nil }, kinds: "fatal ca", action: Keep, text: "the CA in it cannot be read: no PEM certificate in it"},
		{name: "spaces around the CA", edit: func(c *clientcmd.Config) {
			c.Clusters[cluster].CertificateAuthorityData = append([]byte("\n\n"), append(bytes.Clone(ca.CertPEM), "\n \n"...)...)
		}, action: Keep},
		{name: "does not verify", edit: func(c *clientcmd.Config) {
			c.Clusters[cluster].CertificateAuthorityData, c.Clusters[cluster].InsecureSkipTLSVerify = nil, true
		}, kinds: "fatal insecure", action: Fresh},
		{name: "half a credential", edit: func(c *clientcmd.Config) { c.AuthInfos[user].ClientKeyData = nil }, kinds: "fatal credential", action: Fresh},
		{name: "token", edit: func(c *clientcmd.Config) { c.AuthInfos[user] = &clientcmd.AuthInfo{Token: "abcdef.0123456789abcdef"} }, kinds: "fatal credential", action: Fresh, text: "it holds no client certificate"},
		{name: "credential in files", edit: func(c *clientcmd.Config) {
			c.AuthInfos[user] = &clientcmd.AuthInfo{ClientCertificate: "/a.crt", ClientKey: "/a.key"}
		}, kinds: "fatal credential", action: Fresh, text: "it refers to /a.crt instead of"},
		{name: "key of another", edit: func(c *clientcmd.Config) { c.AuthInfos[user].ClientKeyData = other.KeyPEM }, kinds: "fatal key-mismatch", action: Fresh},
		{name: "no current context", edit: func(c *clientcmd.Config) { c.CurrentContext = "" }, kinds: "fatal damaged", action: Keep, text: `its current context "" does not exist`},
		{name: "no cluster", edit: func(c *clientcmd.Config) { delete(c.Clusters, cluster) }, kinds: "fatal damaged", action: Keep, text: `its cluster "kubernetes" does not exist`},
		{name: "no user", edit: func(c *clientcmd.Config) { delete(c.AuthInfos, user) }, kinds: "fatal damaged", action: Keep, text: `its user "kubernetes-admin" does not exist`},
		{name: "refers to the file and holds a credential", want: func(k *Kubeconfig) { k.ClientFile = kubeletPEM }, edit: func(c *clientcmd.Config) {
			c.AuthInfos[user].ClientCertificate, c.AuthInfos[user].ClientKey = kubeletPEM, kubeletPEM
		}, kinds: "fatal credential", action: Fresh},
		{name: "must refer to a file", want: func(k *Kubeconfig) { k.ClientFile = kubeletPEM }, kinds: "fatal credential", action: Fresh, text: "so a renewed certificate would not be used"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			issued, wanted, now := k, k, tc.now
			if tc.issue != nil {
				tc.issue(&issued)
			}
			if tc.want != nil {
				tc.want(&wanted)
			}
			if now.IsZero() {
				now = clock()
			}
			data, err := IssueKubeconfig(rand.Reader, clock(), issued, ca)
			if err != nil {
				t.Fatal(err)
			}
			if tc.edit != nil {
				data = edited(t, data, tc.edit)
			}
			found := CheckKubeconfig(data, wanted, ca.Cert, now)
			if got := kinds(found); got != tc.kinds || !strings.Contains(fmt.Sprint(found), tc.text) {
				t.Errorf("got %q, want %q: %v", got, tc.kinds, found)
			}
			if action, err := Decide(wanted.Client, found, true); action != tc.action || action != Keep && err != nil {
				t.Errorf("decided %s, %v, want %s", action, err, tc.action)
			}
		})
	}
	for data, want := range map[string]string{
		"":                          "fatal missing-file",
		"x: [":                      "fatal damaged",
		"kind: Pod\napiVersion: v1": "fatal damaged",
	} {
		if got := kinds(CheckKubeconfig([]byte(data), k, ca.Cert, clock())); got != want {
			t.Errorf("%q: got %q, want %q", data, got, want)
		}
	}
	data, err := IssueKubeconfig(rand.Reader, clock(), k, ca)
	if err != nil {
		t.Fatal(err)
	}
	if got := kinds(CheckKubeconfig(data, k, nil, clock())); got != "fatal ca, fatal other-issuer" {
		t.Errorf("without a CA: %q", got)
	}
}

func edited(t *testing.T, data []byte, edit func(*clientcmd.Config)) []byte {
	t.Helper()
	object, err := runtime.Decode(latest.Codec, data)
	if err != nil {
		t.Fatal(err)
	}
	config := object.(*clientcmd.Config)
	edit(config)
	data, err = runtime.Encode(latest.Codec, config)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestIssueKubeconfigRefuses(t *testing.T) {
	k := findKubeconfig(t, simple(), "admin.conf")
	ca := mustIssue(t, clock(), find(t, Table(simple()), "ca"), nil)
	for _, tc := range []struct {
		ca   *Pair
		want string
	}{
		{nil, "cannot issue /etc/kubernetes/admin.conf: the cluster CA was not given"},
		{&Pair{Cert: ca.Cert}, "cannot issue certificate admin.conf: the key of its issuer ca is not on this host"},
	} {
		if _, err := IssueKubeconfig(rand.Reader, clock(), k, tc.ca); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %q", err, tc.want)
		}
	}
	if _, err := IssueClientFile(rand.Reader, clock(), k, &Pair{Cert: ca.Cert}); err == nil {
		t.Error("a client file was issued without a key to sign with")
	}
}

func TestTokenKubeconfig(t *testing.T) {
	k := Kubeconfig{Path: "bootstrap-kubelet.conf", Server: "https://[::1]:6443", Cluster: "kubernetes", User: "tls-bootstrap-token-user"}
	ca := mustIssue(t, clock(), find(t, Table(simple()), "ca"), nil)
	data, err := TokenKubeconfig(k, ca.Cert, "abcdef.0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	p, err := parseKubeconfig(data)
	if err != nil {
		t.Fatal(err)
	}
	if p.user.Token != "abcdef.0123456789abcdef" || p.cluster.Server != k.Server || p.context != "tls-bootstrap-token-user@kubernetes" {
		t.Errorf("got %s", data)
	}
}
