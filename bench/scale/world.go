package scale

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/pki"
	"keelway.dev/keelway/internal/plan"
)

// bare is a machine on which nothing is.
func bare(now time.Time) observed.Host {
	return observed.Host{
		Now: now, API: true, Files: map[string]observed.File{}, Sysctls: map[string]string{}, Services: map[string]observed.Service{},
		Images: map[string]bool{}, Objects: map[string]*unstructured.Unstructured{}, Probes: map[string]observed.Answer{},
	}
}

// makeAll has every step of the plans take effect, until none is left.
func makeAll(text []byte, seen []observed.Host, in plan.Inputs) error {
	for round := range 4 {
		hosts, p, err := decide(text, seen, in)
		if err != nil {
			return err
		}
		if p.Empty() {
			return nil
		}
		if len(p.Refusals) > 0 {
			return errors.New(p.Refusals[0])
		}
		if round == 0 {
			hosts = hosts[:1] // the others take what it makes
		}
		for i, h := range hosts {
			w := world{seen: seen[i], in: in}
			for _, s := range h.plan.Steps {
				if err := w.step(s); err != nil {
					return fmt.Errorf("%s: %s: %w", h.want.Name, s.ID(), err)
				}
			}
		}
	}
	return errors.New("the simulated machines do not come to rest")
}

// world is a machine on which steps take effect at once.
type world struct {
	seen observed.Host
	in   plan.Inputs
}

func (w world) write(p string, mode fs.FileMode, content []byte) {
	w.seen.Files[p] = observed.File{Mode: mode, Content: content, SHA256: sum(content), ModTime: w.in.Now}
}

func (w world) step(s plan.Step) error {
	r := s.Resource
	for _, f := range r.Files {
		seen := observed.File{Mode: f.Mode, Content: f.Content, SHA256: sum(f.Content), Link: f.Link, ModTime: w.in.Now}
		if f.Binary != "" {
			seen.SHA256 = w.in.Binaries[f.Binary]
		}
		w.seen.Files[f.Path] = seen
	}
	for _, x := range r.Sysctls {
		w.seen.Sysctls[x.Name] = x.Value
	}
	for _, i := range r.Images {
		w.seen.Images[i.Reference] = true
	}
	switch {
	case r.Service != nil:
		w.seen.Services[r.Service.Name] = observed.Service{Running: true, Since: w.in.Now}
	case r.Wait != nil:
		w.seen.Probes[r.ID] = observed.Answer{OK: true}
		if r.Wait.Probe == desired.ProbeFile {
			w.write(r.Wait.Target, 0o600, []byte("the kubelet's own\n"))
		}
	case r.Member != nil:
		w.write(r.Member.Manifest.Path, r.Member.Manifest.Mode, r.Member.Manifest.Content)
		w.seen.Probes[r.ID] = observed.Answer{OK: true}
	case r.Bootstrap != nil && r.Bootstrap.Remove:
		delete(w.seen.Files, r.Bootstrap.Path)
		for _, p := range r.Bootstrap.Until {
			w.write(p, 0o600, []byte("the kubelet's own\n"))
		}
	case r.Bootstrap != nil:
		w.write(r.Bootstrap.Path, 0o600, r.Bootstrap.Content)
	case r.Key != nil:
		w.write(r.Key.Path, r.Key.Mode, bytes.ReplaceAll(r.Key.Template, []byte(r.Key.Placeholder), []byte("c2VjcmV0")))
	}
	return errors.Join(w.objects(r), w.issue(r))
}

func (w world) objects(r desired.Resource) error {
	for _, o := range r.Objects {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o.Object)
		if err != nil {
			return err
		}
		u := &unstructured.Unstructured{Object: content}
		w.seen.Objects[observed.ObjectKey(u.GetKind(), u.GetNamespace(), u.GetName())] = u
	}
	return nil
}

// issue makes real keys and certificates: a plan looks at every one.
func (w world) issue(r desired.Resource) error {
	switch {
	case r.Keypair != nil:
		private, public, err := pki.IssueKeypair(rand.Reader, r.Keypair.Algorithm)
		w.write(r.Keypair.Private, 0o600, private)
		w.write(r.Keypair.Public, 0o600, public)
		return err
	case r.Certificate != nil:
		c := *r.Certificate
		var parent *pki.Pair
		var err error
		if c.Parent != "" {
			if parent, err = w.pair(c.ParentCertPath(), c.ParentKeyPath()); err != nil {
				return err
			}
		}
		issued, err := pki.Issue(rand.Reader, w.in.Now, c, parent)
		if err != nil {
			return err
		}
		w.write(c.KeyPath(), 0o600, issued.KeyPEM)
		w.write(c.CertPath(), 0o644, issued.CertPEM)
	case r.Kubeconfig != nil:
		k := *r.Kubeconfig
		ca, err := w.pair(path.Join(k.CADir, "ca.crt"), path.Join(k.CADir, "ca.key"))
		if err != nil {
			return err
		}
		if k.ClientFile != "" {
			data, err := pki.IssueClientFile(rand.Reader, w.in.Now, k, ca)
			if err != nil {
				return err
			}
			w.write(k.ClientFile, fs.ModeSymlink|0o777, data)
		}
		data, err := pki.IssueKubeconfig(rand.Reader, w.in.Now, k, ca)
		w.write(k.Path, 0o600, data)
		return err
	}
	return nil
}

func (w world) pair(cert, key string) (*pki.Pair, error) {
	return pki.ParsePair(w.seen.Files[cert].Content, w.seen.Files[key].Content)
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}
