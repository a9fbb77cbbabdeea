package plan

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"maps"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/pki"
)

// copy is the same host once more; what is on it changes apart.
func (w *world) copy() *world {
	other := *w
	other.want.Resources = slices.Clone(w.want.Resources)
	other.seen.Files = maps.Clone(w.seen.Files)
	return &other
}

// changed makes what is desired of every certificate otherwise than it was issued.
func (w *world) changed(change func(*pki.Spec)) {
	for i, r := range w.want.Resources {
		if r.Certificate != nil {
			s := *r.Certificate
			change(&s)
			w.want.Resources[i].Certificate = &s
		}
		if r.Kubeconfig != nil {
			k := *r.Kubeconfig
			change(&k.Client)
			w.want.Resources[i].Kubeconfig = &k
		}
	}
}

// TestDriftIsTold: what is not as configured is told with the command that
// applies it, once for all that differ alike.
func TestDriftIsTold(t *testing.T) {
	whole := newWorld(t, cluster.Kubeadm)
	whole.do(whole.plan())
	for _, row := range []struct {
		name   string
		config string
		change func(*pki.Spec)
		notes  []string
		steps  []string
	}{
		{"nothing", "", func(*pki.Spec) {}, nil, nil},
		{"the validity of one", "", func(s *pki.Spec) {
			if s.Name == "etcd-peer" {
				s.Validity = 100 * time.Hour
			}
		}, []string{"certs/etcd-peer: it was issued for 8760h, configured is 100h; `keelway certs renew etcd-peer` applies it"}, nil},
		{"the validity of two, from a file", "a.yaml", func(s *pki.Spec) {
			if strings.HasPrefix(s.Name, "etcd-server") || s.Name == "scheduler.conf" {
				s.Validity = 100 * time.Hour
			}
		}, []string{
			"certs/etcd-server: it was issued for 8760h, configured is 100h; `keelway certs renew etcd-server --config a.yaml` applies it",
			"kubeconfig/scheduler: it was issued for 8760h, configured is 100h; `keelway certs renew scheduler.conf --config a.yaml` applies it",
		}, nil},
		{"the validity of all", "a.yaml", func(s *pki.Spec) {
			if !s.CA {
				s.Validity = 100 * time.Hour
			}
		}, []string{
			"certs/apiserver, certs/apiserver-kubelet-client, certs/front-proxy-client, certs/etcd-server, certs/etcd-peer, certs/etcd-healthcheck-client, certs/apiserver-etcd-client, kubeconfig/admin, kubeconfig/super-admin, kubeconfig/controller-manager, kubeconfig/scheduler: it was issued for 8760h, configured is 100h; `keelway certs renew all --config a.yaml` applies it",
		}, nil},
		{"the algorithm of authorities", "", func(s *pki.Spec) {
			if s.CA {
				s.Algorithm = pki.RSA4096
			}
		}, []string{
			"certs/ca, certs/front-proxy-ca, certs/etcd-ca: its key is RSA-2048, configured is RSA-4096; an authority is kept, because everything that it has signed would be refused with another",
		}, nil},
		{"a name", "", func(s *pki.Spec) {
			if s.Name == "apiserver" {
				s.DNSNames = append(s.DNSNames, "new.example")
			}
		}, []string{"certs/apiserver: it does not name new.example: a new one is issued"}, []string{"certs/apiserver"}},
	} {
		w := whole.copy()
		w.changed(row.change)
		w.in.Config = row.config
		p := w.plan()
		if got := strings.Join(p.Notes, "\n"); got != strings.Join(row.notes, "\n") {
			t.Errorf("%s: notes\n%s\nwant\n%s", row.name, got, strings.Join(row.notes, "\n"))
		}
		if got := strings.Join(ids(p), " "); got != strings.Join(row.steps, " ") || len(p.Refusals) > 0 {
			t.Errorf("%s: steps %s, want %v; refusals %v", row.name, got, row.steps, p.Refusals)
		}
		w.do(p)
		if again := w.plan(); !again.Empty() {
			t.Errorf("%s: left %v %v", row.name, ids(again), again.Refusals)
		}
	}
}

// TestIgnoredByName: what is refused or issued anew is kept where the user lets
// the check pass, and told.
func TestIgnoredByName(t *testing.T) {
	const dir = "/etc/kubernetes/pki/"
	whole := newWorld(t, cluster.Kubeadm)
	whole.do(whole.plan())
	for _, row := range []struct {
		name, check string
		change      func(w *world)
		// refused is a part of the refusal; "" where it is mended instead.
		refused string
	}{
		{"an authority that is none", "CertificateAuthority", func(w *world) { w.noAuthority(dir + "front-proxy-ca") }, "it is not a certificate authority"},
		{"a leaf of another authority", "CertificateIssuer", func(w *world) {
			delete(w.seen.Files, dir+"ca.crt")
			delete(w.seen.Files, dir+"ca.key")
			w.certificate(w.spec("ca"))
		}, "signed by another authority"},
		{"a key that is lost", "CertificateKey", func(w *world) { delete(w.seen.Files, dir+"etcd/peer.key") }, ""},
		{"a key that is lost, with an external CA", "CertificateKey", func(w *world) {
			delete(w.seen.Files, dir+"etcd/peer.key")
			delete(w.seen.Files, dir+"etcd/ca.key")
		}, "there is no private key"},
		{"a certificate that expired", "CertificateValidity", func(w *world) { w.in.Now = now.Add(9000 * time.Hour) }, ""},
		{"a name that is missing", "CertificateNames", func(w *world) {
			w.changed(func(s *pki.Spec) {
				if s.Name == "apiserver" {
					s.DNSNames = append(s.DNSNames, "new.example")
				}
			})
		}, ""},
	} {
		w := whole.copy()
		row.change(w)
		p := w.plan()
		if refusals := strings.Join(p.Refusals, "\n"); row.refused != "" && (!strings.Contains(refusals, row.refused) || !strings.Contains(refusals, "["+row.check+"]")) {
			t.Errorf("%s: refusals %q, want %q [%s]", row.name, refusals, row.refused, row.check)
		} else if row.refused == "" && (refusals != "" || len(p.Steps) == 0) {
			t.Errorf("%s: it is not mended: %v %s", row.name, ids(p), refusals)
		}
		for _, names := range [][]string{{strings.ToLower(row.check)}, {"all"}} {
			w.in.Ignore = names
			if p := w.plan(); !p.Empty() || len(p.Notes) == 0 {
				t.Errorf("%s, %v ignored: steps %v, refusals %v, notes %v", row.name, names, ids(p), p.Refusals, p.Notes)
			}
		}
		w.in.Ignore = []string{"Swap"}
		if p := w.plan(); p.Empty() {
			t.Errorf("%s passes by another's name", row.name)
		}
	}
	for _, kind := range []pki.Kind{pki.Damaged, pki.MissingCert} {
		if kind.Check() != "" {
			t.Errorf("%s has a name: nobody can go on with it", kind)
		}
	}
}

// TestChecksAreDocumented holds the names to the page that lists them.
func TestChecksAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/tasks/config.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range pki.Checks() {
		if !strings.Contains(string(page), "| `"+name+"` |") {
			t.Errorf("docs/tasks/config.md does not list %s", name)
		}
	}
}

func (w *world) spec(name string) pki.Spec {
	w.t.Helper()
	for _, r := range w.want.Resources {
		if r.Certificate != nil && r.Certificate.Name == name {
			return *r.Certificate
		}
	}
	w.t.Fatalf("no certificate %s", name)
	return pki.Spec{}
}

// noAuthority puts a certificate that may sign nothing in an authority's place,
// for the same key.
func (w *world) noAuthority(base string) {
	w.t.Helper()
	old := w.pair(base+".crt", base+".key")
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: old.Cert.Subject.CommonName},
		NotBefore: old.Cert.NotBefore, NotAfter: old.Cert.NotAfter, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, old.Key.Public(), old.Key)
	w.check(err)
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	w.write(base+".crt", 0o644, data, sum(data))
}
