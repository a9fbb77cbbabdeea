package renew_test

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/pki"
	"keelway.dev/keelway/internal/pki/renew"
)

func input() pki.Input {
	return pki.Input{NodeName: "n1", AdvertiseAddress: "192.0.2.7", ServiceSubnets: []string{"10.96.0.0/12"}, DNSDomain: "cluster.local", Algorithm: pki.ECDSAP256}
}

func item(t *testing.T, in pki.Input, name string) renew.Item {
	t.Helper()
	for _, i := range renew.Items(in) {
		if i.Name == name {
			return i
		}
	}
	t.Fatalf("no item %s", name)
	return renew.Item{}
}

func issue(t *testing.T, spec pki.Spec, parent *pki.Pair) *pki.Pair {
	t.Helper()
	p, err := pki.Issue(rand.Reader, time.Now(), spec, parent)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestItems(t *testing.T) {
	t.Parallel()
	want := "admin.conf apiserver apiserver-etcd-client apiserver-kubelet-client controller-manager.conf etcd-healthcheck-client etcd-peer etcd-server front-proxy-client scheduler.conf super-admin.conf"
	if got := strings.Join(renew.Names(), " "); got != want {
		t.Errorf("names %s", got)
	}
	for _, i := range renew.Items(input()) {
		if i.What == "" || !strings.HasPrefix(i.ParentKey(), "/etc/kubernetes/pki/") {
			t.Errorf("%s: %q, issuer %s", i.Name, i.What, i.ParentKey())
		}
	}
	in := input()
	in.ExternalEtcd = true
	if n := len(renew.Items(in)); n != 7 {
		t.Errorf("%d items with external etcd, want 7", n)
	}
	if len(renew.Authorities(input())) != 3 {
		t.Error("there are three authorities")
	}
}

// TestNext: names are added and never lost; without a configuration all is as before.
func TestNext(t *testing.T) {
	t.Parallel()
	ca := issue(t, renew.Authorities(input())[0], nil)
	in := input()
	in.APIServerSANs = []string{"byhand.example", "192.0.2.99"}
	in.Validity = 50 * time.Hour
	old := issue(t, item(t, in, "apiserver").Spec, ca).Cert

	in = input()
	in.APIServerSANs, in.Algorithm = []string{"new.example", "192.0.2.98"}, pki.ECDSAP384
	want := item(t, in, "apiserver").Spec
	next := issue(t, renew.Next(want, old, true), ca).Cert
	for _, name := range []string{"byhand.example", "new.example", "n1", "kubernetes"} {
		if !slices.Contains(next.DNSNames, name) {
			t.Errorf("%s is lost: %v", name, next.DNSNames)
		}
	}
	if len(next.IPAddresses) != 4 || pki.AlgorithmOf(next) != pki.ECDSAP384 || next.NotAfter.Sub(next.NotBefore) != 8760*time.Hour+5*time.Minute {
		t.Errorf("%v %s %s", next.IPAddresses, pki.AlgorithmOf(next), next.NotAfter.Sub(next.NotBefore))
	}
	same := issue(t, renew.Next(want, old, false), ca).Cert
	if !slices.Equal(same.DNSNames, old.DNSNames) || pki.AlgorithmOf(same) != pki.ECDSAP256 || same.NotAfter.Sub(same.NotBefore) != old.NotAfter.Sub(old.NotBefore) {
		t.Errorf("without a configuration: %v %s", same.DNSNames, pki.AlgorithmOf(same))
	}
	var texts []string
	for _, d := range renew.Drift(want, old) {
		texts = append(texts, d.Text)
	}
	if got := strings.Join(texts, "; "); got != "it does not name new.example, 192.0.2.98; it also names byhand.example, 192.0.2.99, which is not configured; its key is ECDSA-P256, configured is ECDSA-P384; it was issued for 50h, configured is 8760h" {
		t.Error(got)
	}
	if again := renew.Drift(want, next); len(again) != 1 || again[0].Applied {
		t.Errorf("renewal has not applied it: %v", again)
	}
}

// TestRights: an old administrator keeps its group, which its rights hang on;
// the API server's identity to kubelets loses system:masters, as in kubeadm 1.37.
func TestRights(t *testing.T) {
	t.Parallel()
	ca := issue(t, renew.Authorities(input())[0], nil)
	for name, want := range map[string][]string{"admin.conf": {"system:masters"}, "apiserver-kubelet-client": nil} {
		spec := item(t, input(), name).Spec
		was := spec
		was.Organizations = []string{"system:masters"}
		if next := renew.Next(spec, issue(t, was, ca).Cert, true); !slices.Equal(next.Organizations, want) {
			t.Errorf("%s: %v, want %v", name, next.Organizations, want)
		}
	}
}

func TestKubeconfig(t *testing.T) {
	t.Parallel()
	ca := issue(t, renew.Authorities(input())[0], nil)
	i := item(t, input(), "admin.conf")
	data, err := pki.IssueKubeconfig(rand.Reader, time.Now(), *i.Kubeconfig, ca)
	if err != nil {
		t.Fatal(err)
	}
	was, server, err := renew.Client(data)
	if err != nil || server != "https://192.0.2.7:6443" {
		t.Fatal(server, err)
	}
	fresh, err := renew.Kubeconfig(rand.Reader, time.Now(), data, renew.Next(i.Spec, was, true), ca, "https://api.example:6443")
	if err != nil {
		t.Fatal(err)
	}
	now, server, err := renew.Client(fresh)
	if err != nil || server != "https://api.example:6443" || now.Equal(was) || now.Subject.String() != was.Subject.String() {
		t.Error(server, err)
	}
	for _, bad := range []string{"", "x: y", "apiVersion: v1\nkind: Config\ncurrent-context: a\n", "-"} {
		if _, _, err := renew.Client([]byte(bad)); err == nil {
			t.Errorf("%q is taken for a kubeconfig", bad)
		}
	}
}
