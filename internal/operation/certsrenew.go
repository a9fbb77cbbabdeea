package operation

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/pki"
	"keelway.dev/keelway/internal/pki/renew"
	"keelway.dev/keelway/internal/prior"
)

// Outcome is how the renewal of one certificate ended.
type Outcome string

// The outcomes. External means that the issuer's key is not on this machine.
const (
	WasRenewed  Outcome = "renewed"
	WasMissing  Outcome = "missing"
	WasExternal Outcome = "external"
)

// Renewal is one certificate's.
type Renewal struct {
	Name, What string
	// Issuer is the base name of its authority, such as "etcd/ca".
	Issuer  string
	Outcome Outcome
	// Notes say what is otherwise than before.
	Notes []string
	// Backup is the folder with what was replaced.
	Backup string
}

// Renew issues certificates anew by name, all for none, and reports each to say.
// What is replaced is kept in a folder of Keelway's; each file changes in one
// atomic step, and a pair that cannot be written whole is put back.
func (c *Certs) Renew(ctx context.Context, names []string, say func(Renewal)) error {
	items := renew.Items(c.input)
	for _, name := range names {
		if !slices.ContainsFunc(items, func(i renew.Item) bool { return i.Name == name }) {
			return &WishError{fmt.Errorf("this cluster has no certificate %s: its etcd is external", name)}
		}
	}
	backup := path.Join(prior.Dir, "backup", "certs-"+c.now().UTC().Format("20060102T150405Z"))
	for _, i := range items {
		if len(names) > 0 && !slices.Contains(names, i.Name) {
			continue
		}
		r := Renewal{Name: i.Name, What: i.What, Issuer: i.Spec.Parent, Backup: backup}
		if err := c.renewOne(ctx, i, &r); err != nil {
			return fmt.Errorf("cannot renew %s: %w", i.Name, err)
		}
		say(r)
	}
	return nil
}

func (c *Certs) renewOne(ctx context.Context, i renew.Item, r *Renewal) error {
	old, err := c.read(ctx, i.Path())
	if err != nil {
		return err
	}
	if old == nil {
		r.Outcome = WasMissing
		return nil
	}
	ca, external, err := c.issuer(ctx, i)
	if err != nil || external {
		r.Outcome = WasExternal
		return err
	}
	cert, err := pki.ParseCert(old)
	var server string
	if i.Kubeconfig != nil {
		cert, server, err = renew.Client(old)
	}
	if err != nil {
		return fmt.Errorf("%s: %w; restore it from a backup, or move it away and have it made by `keelway init phase`", i.Path(), err)
	}
	next := renew.Next(i.Spec, cert, c.Configured)
	r.Outcome = WasRenewed
	if c.Configured {
		for _, d := range renew.Drift(i.Spec, cert) {
			if d.Applied {
				r.Notes = append(r.Notes, d.Text+": now as configured")
			} else {
				r.Notes = append(r.Notes, d.Text+": kept")
			}
		}
	}
	if i.Kubeconfig != nil {
		if !c.Configured || !movable(i) || server == i.Kubeconfig.Server {
			server = ""
		} else {
			r.Notes = append(r.Notes, fmt.Sprintf("it called %s: now %s, as configured", server, i.Kubeconfig.Server))
			server = i.Kubeconfig.Server
		}
		data, err := renew.Kubeconfig(rand.Reader, c.now(), old, next, ca, server)
		if err != nil {
			return err
		}
		return c.replace(ctx, r.Backup, replacement{i.Path(), data, 0o600})
	}
	pair, err := pki.Issue(rand.Reader, c.now(), next, ca)
	if err != nil {
		return err
	}
	return c.replace(ctx, r.Backup, replacement{i.KeyPath(), pair.KeyPEM, 0o600}, replacement{i.Path(), pair.CertPEM, 0o644})
}

// issuer reads the authority; external is true when its key is not here.
func (c *Certs) issuer(ctx context.Context, i renew.Item) (ca *pki.Pair, external bool, err error) {
	certPEM, err := c.read(ctx, i.ParentCert())
	if err != nil {
		return nil, false, err
	}
	if certPEM == nil {
		return nil, false, fmt.Errorf("its authority %s does not exist: restore it from a backup or another control plane", i.ParentCert())
	}
	keyPEM, err := c.read(ctx, i.ParentKey())
	if err != nil {
		return nil, false, err
	}
	if keyPEM == nil {
		return nil, true, nil
	}
	if ca, err = pki.ParsePair(certPEM, keyPEM); err != nil {
		return nil, false, fmt.Errorf("its authority %s: %w", i.ParentCert(), err)
	}
	if !ca.Cert.IsCA {
		return nil, false, fmt.Errorf("%s is not a certificate authority", i.ParentCert())
	}
	return ca, false, nil
}

// replacement is a file that takes the place of another.
type replacement struct {
	path string
	data []byte
	mode fs.FileMode
}

// replace writes files over others that are kept in backup first. After an
// error those are as they were.
func (c *Certs) replace(ctx context.Context, backup string, files ...replacement) error {
	var done []replacement
	for _, f := range files {
		old, err := c.read(ctx, f.path)
		if err != nil {
			return err
		}
		e := host.Entry{Path: f.path, Mode: f.mode}
		if have, err := c.host.Stat(ctx, f.path); err == nil {
			e.UID, e.GID = have.UID, have.GID
		}
		if old != nil {
			// Who may read Keelway's folder may not read keys.
			if err := c.host.Put(ctx, host.Entry{Path: backup, Mode: fs.ModeDir | 0o700}, nil); err != nil {
				return err
			}
			copied := host.Entry{Path: path.Join(backup, f.path), Mode: 0o600}
			if err := c.host.Put(ctx, copied, bytes.NewReader(old)); err != nil {
				return fmt.Errorf("nothing was changed: it cannot be backed up: %w", err)
			}
		}
		if err := c.host.Put(ctx, e, bytes.NewReader(f.data)); err != nil {
			for _, back := range done {
				e.Path, e.Mode = back.path, back.mode
				err = errors.Join(err, c.host.Put(context.WithoutCancel(ctx), e, bytes.NewReader(back.data)))
			}
			return err
		}
		if old != nil {
			done = append(done, replacement{f.path, old, f.mode})
		}
	}
	return nil
}
