package step

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/pki"
)

// Modes of PKI files, as kubeadm sets them.
const (
	modePrivate = 0o600
	modePublic  = 0o644
)

// certificate issues one certificate. The key is written before the
// certificate: a key alone gets its certificate in the next run.
func (r *Runner) certificate(ctx context.Context, s pki.Spec) error {
	var parent *pki.Pair
	if s.Parent != "" {
		var err error
		if parent, err = r.pair(ctx, s.ParentCertPath(), s.ParentKeyPath()); err != nil {
			return fmt.Errorf("cannot issue %s: its authority cannot be read: %w", s.CertPath(), err)
		}
	}
	issued, err := r.issue(ctx, s, parent)
	if err != nil {
		return err
	}
	if err := r.put(ctx, s.KeyPath(), modePrivate, issued.KeyPEM); err != nil {
		return err
	}
	return r.put(ctx, s.CertPath(), modePublic, issued.CertPEM)
}

// issue keeps a key that has lost its certificate: what an authority signed
// stays valid, and an interrupted run goes on where it was.
func (r *Runner) issue(ctx context.Context, s pki.Spec, parent *pki.Pair) (*pki.Pair, error) {
	if _, err := r.read(ctx, s.CertPath()); errors.Is(err, fs.ErrNotExist) {
		if key, err := r.read(ctx, s.KeyPath()); err == nil {
			return pki.IssueForKey(r.Random, r.Now(), s, key, parent)
		}
	}
	return pki.Issue(r.Random, r.Now(), s, parent)
}

func (r *Runner) pair(ctx context.Context, cert, key string) (*pki.Pair, error) {
	certPEM, err := r.read(ctx, cert)
	if err != nil {
		return nil, err
	}
	keyPEM, err := r.read(ctx, key)
	if err != nil {
		return nil, err
	}
	return pki.ParsePair(certPEM, keyPEM)
}

func (r *Runner) read(ctx context.Context, p string) ([]byte, error) {
	f, err := r.Host.Open(ctx, p)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// kubeconfig issues a client certificate and the file that uses it.
func (r *Runner) kubeconfig(ctx context.Context, k pki.Kubeconfig) error {
	ca, err := r.pair(ctx, path.Join(k.CADir, "ca.crt"), path.Join(k.CADir, "ca.key"))
	if err != nil {
		return fmt.Errorf("cannot issue %s: the cluster CA cannot be read: %w", k.Path, err)
	}
	if k.ClientFile != "" {
		if err := r.clientFile(ctx, k, ca); err != nil {
			return err
		}
	}
	data, err := pki.IssueKubeconfig(r.Random, r.Now(), k, ca)
	if err != nil {
		return err
	}
	return r.put(ctx, k.Path, modePrivate, data)
}

// clientFile writes the certificate that a kubeconfig refers to the way the
// kubelet's rotation keeps it: a dated file and a link to the current one.
func (r *Runner) clientFile(ctx context.Context, k pki.Kubeconfig, ca *pki.Pair) error {
	data, err := pki.IssueClientFile(r.Random, r.Now(), k, ca)
	if err != nil {
		return err
	}
	base := strings.TrimSuffix(k.ClientFile, "-current.pem")
	dated := base + "-" + r.Now().UTC().Format("2006-01-02-15-04-05") + ".pem"
	if err := r.put(ctx, dated, modePrivate, data); err != nil {
		return err
	}
	return r.Host.Put(ctx, host.Entry{Path: k.ClientFile, Mode: fs.ModeSymlink | 0o777, Link: dated}, nil)
}
