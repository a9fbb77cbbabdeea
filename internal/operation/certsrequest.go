package operation

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/pki"
)

// Requests are the keys and signing requests that were made.
type Requests struct {
	// CertDir holds Certificates, KubeconfigDir Kubeconfigs, by name without
	// extension.
	CertDir, KubeconfigDir    string
	Certificates, Kubeconfigs []string
}

// Request makes keys and signing requests for everything that an external
// authority signs. Nothing is written when any of the files exists.
func (c *Certs) Request(ctx context.Context) (*Requests, error) {
	r := &Requests{CertDir: c.input.Dir, KubeconfigDir: c.input.ConfDir}
	var files []replacement
	var folders []string
	for _, s := range pki.Table(c.input) {
		if s.CA {
			continue
		}
		request, key, err := pki.Request(rand.Reader, s)
		if err != nil {
			return nil, err
		}
		base := path.Join(s.Dir, s.Base)
		files = append(files, replacement{base + ".key", key, 0o600}, replacement{base + ".csr", request, 0o600})
		folders = append(folders, s.Dir, path.Dir(base))
		r.Certificates = append(r.Certificates, s.Base)
	}
	for _, k := range pki.Kubeconfigs(c.input) {
		request, data, err := pki.RequestKubeconfig(rand.Reader, k)
		if err != nil {
			return nil, err
		}
		files = append(files, replacement{k.Path, data, 0o600}, replacement{k.Path + ".csr", request, 0o600})
		r.KubeconfigDir = path.Dir(k.Path)
		folders = append(folders, r.KubeconfigDir)
		r.Kubeconfigs = append(r.Kubeconfigs, path.Base(k.Path))
	}
	var errs []error
	for _, f := range files {
		_, err := c.host.Stat(ctx, f.path)
		if err == nil {
			err = fmt.Errorf("%s exists: nothing was written; move it away, or choose other folders with --cert-dir and --kubeconfig-dir", f.path)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return nil, &WishError{errors.Join(errs...)}
	}
	for _, dir := range folders {
		if _, err := c.host.Stat(ctx, dir); errors.Is(err, fs.ErrNotExist) {
			if err := c.host.Put(ctx, host.Entry{Path: dir, Mode: fs.ModeDir | 0o755}, nil); err != nil {
				return nil, err
			}
		}
	}
	for _, f := range files {
		if err := c.host.Put(ctx, host.Entry{Path: f.path, Mode: f.mode}, bytes.NewReader(f.data)); err != nil {
			return nil, err
		}
	}
	return r, nil
}
