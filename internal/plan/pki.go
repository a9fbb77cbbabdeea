package plan

import (
	"crypto/x509"
	"fmt"
	"path"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/pki"
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

func (d decider) certificate(r desired.Resource) verdict {
	s := *r.Certificate
	certPEM, keyPEM := d.content(s.CertPath()), d.content(s.KeyPath())
	if certPEM == nil && keyPEM == nil {
		if leaf := d.signedBy(s); leaf != "" {
			return verdict{refusal: fmt.Sprintf("%s exists, but its authority %s is missing: restore the authority from a backup, or move %s away to start anew",
				leaf, s.CertPath(), s.Dir)}
		}
		return d.create(r, s)
	}
	var parent *x509.Certificate
	if s.Parent != "" {
		parent = d.cert(s.ParentCertPath())
	}
	problems := pki.Check(certPEM, keyPEM, s, parent, d.in.Now)
	if s.CA && certPEM != nil && keyPEM == nil {
		// An authority without its key is external: kubeadm's contract.
		problems = without(problems, pki.MissingKey)
	}
	ownCA := s.Parent == "" || d.content(s.ParentKeyPath()) != nil
	return reissue(r, s, problems, ownCA)
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
	return reissue(r, k.Client, problems, d.content(caKey) != nil)
}

func reissue(r desired.Resource, s pki.Spec, problems []pki.Problem, ownCA bool) verdict {
	var v verdict
	action, err := pki.Decide(s, problems, ownCA)
	if err != nil {
		return verdict{refusal: fmt.Sprintf("%s: %v", r.ID, err)}
	}
	for _, p := range problems {
		if p.Class == pki.Advice {
			v.notes = append(v.notes, fmt.Sprintf("%s: %s", r.ID, p.Text))
		}
		if action != pki.Keep && p.Class == pki.Fatal && v.reason == "" {
			v.change, v.reason, v.left = Update, p.Text, r
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
