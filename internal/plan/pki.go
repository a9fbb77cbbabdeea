package plan

import (
	"crypto/x509"
	"fmt"
	"path"
	"slices"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/pki"
	"keelway.dev/keelway/internal/pki/renew"
)

// content returns a file's bytes, nil when it does not exist.
func (d decider) content(p string) []byte { return d.seen.Files[p].Content }

// cert returns the certificate at a path, or nil when there is none that can be read.
func (d decider) cert(p string) *x509.Certificate {
	c, err := pki.ParseCert(d.content(p))
	if err != nil {
		return nil
	}
	return c
}

// parent is the certificate of a spec's authority, nil for none.
func (d decider) parent(s pki.Spec) *x509.Certificate {
	if s.Parent == "" {
		return nil
	}
	return d.cert(s.ParentCertPath())
}

func (d decider) certificate(r desired.Resource) verdict {
	s := *r.Certificate
	certPEM, keyPEM := d.content(s.CertPath()), d.content(s.KeyPath())
	if certPEM == nil && keyPEM == nil {
		if leaf := d.signedBy(s); leaf != "" {
			return verdict{refusal: fmt.Sprintf("%s exists, but its authority %s is missing: restore the authority from a backup, or move %s away to start anew",
				leaf, s.CertPath(), s.Dir)}
		}
		return d.create(d.lax(r, d.parent(s)), s)
	}
	parent := d.parent(s)
	problems := pki.Check(certPEM, keyPEM, s, parent, d.in.Now)
	if s.CA && certPEM != nil && keyPEM == nil {
		// An authority without its key is external: kubeadm's contract.
		problems = without(problems, pki.MissingKey)
	}
	if parent != nil && !parent.IsCA && d.in.ignores(pki.NotCA.Check()) {
		problems = without(problems, pki.OtherIssuer) // nothing is signed by what is no authority
	}
	ownCA := s.Parent == "" || d.content(s.ParentKeyPath()) != nil
	return d.reissue(d.lax(r, parent), s, problems, ownCA, d.cert(s.CertPath()))
}

// lax has a certificate issued that nobody would accept, where the user lets
// that pass.
func (d decider) lax(r desired.Resource, parent *x509.Certificate) desired.Resource {
	wrong := r.Certificate.Validity < 0 && d.in.ignores(pki.Expired.Check()) || parent != nil && !parent.IsCA && d.in.ignores(pki.NotCA.Check())
	if wrong {
		s := *r.Certificate
		s.Lax = true
		r.Certificate = &s
	}
	return r
}

// signedBy returns a certificate on the host that an authority has signed, or "".
func (d decider) signedBy(s pki.Spec) string {
	for _, leaf := range d.leaves {
		if s.CA && leaf.Parent == s.Base && d.content(leaf.CertPath()) != nil {
			return leaf.CertPath()
		}
	}
	return ""
}

func (d decider) create(r desired.Resource, s pki.Spec) verdict {
	if s.Parent != "" && d.content(s.ParentKeyPath()) == nil && !d.writes[s.ParentKeyPath()] {
		return verdict{refusal: fmt.Sprintf("%s is missing and cannot be issued: the key of its authority, %s, is not on this host (external CA); have it signed where the key is",
			s.CertPath(), s.ParentKeyPath())}
	}
	return verdict{change: Create, reason: s.CertPath() + " is missing", left: r}
}

func (d decider) kubeconfig(r desired.Resource) verdict {
	k := *r.Kubeconfig
	if k.OrClientFile != "" && pki.Refers(d.content(k.Path), k.OrClientFile) {
		k.ClientFile = k.OrClientFile
	}
	caCert, caKey := path.Join(k.CADir, "ca.crt"), path.Join(k.CADir, "ca.key")
	data := d.content(k.Path)
	if data == nil {
		if d.content(caKey) == nil && !d.writes[caKey] {
			return verdict{refusal: fmt.Sprintf("%s is missing and cannot be issued: %s is not on this host (external CA)", k.Path, caKey)}
		}
		return verdict{change: Create, reason: k.Path + " is missing", left: r}
	}
	ca := d.cert(caCert)
	if ca == nil {
		return verdict{refusal: fmt.Sprintf("%s exists, but %s does not: restore the authority from a backup, or move %s away", k.Path, caCert, k.Path)}
	}
	problems := pki.CheckKubeconfig(data, k, ca, d.in.Now)
	if k.ClientFile != "" {
		problems = append(problems, pki.CheckClientFile(d.content(k.ClientFile), k, ca, d.in.Now)...)
	}
	var have *x509.Certificate
	if k.ClientFile == "" {
		have, _, _ = renew.Client(data)
	}
	return d.reissue(r, k.Client, problems, d.content(caKey) != nil, have)
}

// reissue decides what is done about the problems of a file that is there; have
// is its certificate, nil where it cannot be read.
func (d decider) reissue(r desired.Resource, s pki.Spec, problems []pki.Problem, ownCA bool, have *x509.Certificate) verdict {
	var v verdict
	problems = slices.Clone(problems)
	for i, p := range problems {
		if p.Class == pki.Fatal && d.in.ignores(p.Kind.Check()) {
			problems[i].Class = pki.Advice
			problems[i].Text += " [" + p.Kind.Check() + ", ignored]"
		}
	}
	action, err := pki.Decide(s, problems, ownCA)
	if err != nil {
		return verdict{refusal: fmt.Sprintf("%s: %v", r.ID, err)}
	}
	if action == pki.Keep && have != nil {
		v.drifts = d.drifted(r, s, have)
		for _, said := range []pki.Kind{pki.OtherKey, pki.ExtraSAN, pki.MissingSAN} {
			problems = without(problems, said)
		}
	}
	for _, p := range problems {
		if p.Class == pki.Advice && action != pki.Fresh {
			v.notes = append(v.notes, fmt.Sprintf("%s: %s", r.ID, p.Text))
		}
		if action != pki.Keep && p.Class == pki.Fatal && v.reason == "" {
			v.change, v.reason, v.left = Update, p.Text, r
			if have != nil {
				v.notes = append(v.notes, fmt.Sprintf("%s: %s: a new one is issued", r.ID, p.Text))
			}
		}
	}
	return v
}

func without(problems []pki.Problem, kind pki.Kind) []pki.Problem {
	var left []pki.Problem
	for _, p := range problems {
		if p.Kind != kind {
			left = append(left, p)
		}
	}
	return left
}

func (d decider) keypair(r desired.Resource) verdict {
	private, public := d.content(r.Keypair.Private), d.content(r.Keypair.Public)
	if private == nil {
		if public != nil {
			return verdict{refusal: fmt.Sprintf("%s exists, but its private half %s does not: tokens signed with it could not be renewed; restore it from a backup or move %s away",
				r.Keypair.Public, r.Keypair.Private, r.Keypair.Public)}
		}
		return verdict{change: Create, reason: r.Keypair.Private + " is missing", left: r}
	}
	want, err := pki.PublicKey(private)
	if err != nil {
		return verdict{refusal: fmt.Sprintf("%s: %v", r.Keypair.Private, err)}
	}
	if string(want) != string(public) {
		return verdict{change: Update, reason: r.Keypair.Public + " is not the public half of " + r.Keypair.Private, left: r}
	}
	return verdict{}
}

func (d decider) randomKey(r desired.Resource) verdict {
	if _, ok := d.seen.Files[r.Key.Path]; ok {
		return verdict{}
	}
	return verdict{change: Create, reason: r.Key.Path + " is missing", left: r}
}
