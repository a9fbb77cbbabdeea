package plan

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/pki"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// world is a host in memory on which steps take effect at once.
type world struct {
	t    *testing.T
	want desired.Host
	seen observed.Host
	in   Inputs
	// clock moves with every change, as file times do.
	clock time.Time
}

func newWorld(t *testing.T, profile cluster.Profile) *world {
	t.Helper()
	m, err := cluster.New(cluster.Options{Profile: profile, Now: now, Facts: cluster.Facts{
		Hostname: "node-1", Addresses: []string{"192.0.2.10"}, CgroupVersion: 2, NFTables: true, Systemd: true, OOMScoreAdjustable: true}})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, want: desired.For(m, 0), clock: now, in: Inputs{Now: now, Binaries: map[string]string{}}}
	for _, name := range desired.Binaries(m) {
		w.in.Binaries[name] = sum([]byte(name))
	}
	w.seen = observed.Host{
		Now: now, Idle: []string{desired.PodBridge}, Files: map[string]observed.File{}, Sysctls: map[string]string{}, Services: map[string]observed.Service{},
		Images: map[string]bool{}, Objects: map[string]*unstructured.Unstructured{}, Probes: map[string]observed.Answer{},
	}
	return w
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

func (w *world) plan() Plan { return Make(w.want, w.seen, w.in) }

func (w *world) write(p string, mode fs.FileMode, content []byte, sha string) {
	w.clock = w.clock.Add(time.Second)
	w.seen.Files[p] = observed.File{Mode: mode, Content: content, SHA256: sha, ModTime: w.clock}
}

func (w *world) pair(cert, key string) *pki.Pair {
	w.t.Helper()
	p, err := pki.ParsePair(w.seen.Files[cert].Content, w.seen.Files[key].Content)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// do lets every step of a plan take effect.
func (w *world) do(p Plan) {
	w.t.Helper()
	for _, s := range p.Steps {
		w.step(s)
	}
}

func (w *world) step(s Step) {
	w.t.Helper()
	r := s.Resource
	for _, f := range r.Files {
		switch {
		case f.Binary != "":
			w.write(f.Path, f.Mode, nil, w.in.Binaries[f.Binary])
		default:
			w.write(f.Path, f.Mode, f.Content, sum(f.Content))
		}
		if f.Link != "" {
			e := w.seen.Files[f.Path]
			e.Link = f.Link
			w.seen.Files[f.Path] = e
		}
	}
	if c := r.Certificate; c != nil {
		w.certificate(*c)
	}
	if k := r.Keypair; k != nil {
		private, public, err := pki.IssueKeypair(rand.Reader, k.Algorithm)
		w.check(err)
		w.write(k.Private, 0o600, private, sum(private))
		w.write(k.Public, 0o600, public, sum(public))
	}
	if k := r.Kubeconfig; k != nil {
		ca := w.pair(path.Join(k.CADir, "ca.crt"), path.Join(k.CADir, "ca.key"))
		if k.ClientFile != "" {
			data, err := pki.IssueClientFile(rand.Reader, now, *k, ca)
			w.check(err)
			w.write(k.ClientFile, fs.ModeSymlink|0o777, data, sum(data))
		}
		data, err := pki.IssueKubeconfig(rand.Reader, now, *k, ca)
		w.check(err)
		w.write(k.Path, 0o600, data, sum(data))
	}
	if k := r.Key; k != nil {
		w.write(k.Path, k.Mode, bytes.ReplaceAll(k.Template, []byte(k.Placeholder), []byte("c2VjcmV0")), "")
	}
	for _, x := range r.Sysctls {
		w.seen.Sysctls[x.Name] = x.Value
	}
	if r.Service != nil {
		w.clock = w.clock.Add(time.Second)
		w.seen.Services[r.Service.Name] = observed.Service{Running: true, Since: w.clock}
	}
	for _, i := range r.Images {
		w.seen.Images[i.Reference] = true
	}
	for _, o := range r.Objects {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o.Object)
		w.check(err)
		u := &unstructured.Unstructured{Object: content}
		w.seen.Objects[observed.ObjectKey(u.GetKind(), u.GetNamespace(), u.GetName())] = u
	}
	if r.Residue != nil {
		w.seen.Idle = nil
	}
	if r.Wait != nil {
		w.seen.Probes[r.ID] = observed.Answer{OK: true}
	}
}

func (w *world) certificate(c pki.Spec) {
	w.t.Helper()
	var parent *pki.Pair
	if c.Parent != "" {
		parent = w.pair(c.ParentCertPath(), c.ParentKeyPath())
	}
	issued, err := pki.Issue(rand.Reader, now, c, parent)
	if old, ok := w.seen.Files[c.KeyPath()]; ok && w.seen.Files[c.CertPath()].Content == nil {
		issued, err = pki.IssueForKey(rand.Reader, now, c, old.Content, parent)
	}
	w.check(err)
	w.write(c.KeyPath(), 0o600, issued.KeyPEM, sum(issued.KeyPEM))
	w.write(c.CertPath(), 0o644, issued.CertPEM, sum(issued.CertPEM))
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
