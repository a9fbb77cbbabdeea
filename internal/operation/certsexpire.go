package operation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/pki"
	"keelway.dev/keelway/internal/pki/renew"
)

// CertsExpiration is how long the certificates of a control plane last, and
// what of them is not as configured.
type CertsExpiration struct {
	// Certificates and Authorities are sorted by name. Those whose file does not
	// exist have Missing set, those that cannot be read a Problem.
	Certificates, Authorities []CertExpiration
	// Changes say what is not as configured, and which command applies it.
	Changes []string
}

// CertExpiration is one of them.
type CertExpiration struct {
	pki.Expiration
	Missing bool
}

// Damaged is true of a file that is there and holds no certificate.
func (e CertExpiration) Damaged() bool { return !e.Missing && e.Problem != "" }

// Expiration reads every certificate and compares it with the configuration.
func (c *Certs) Expiration(ctx context.Context) (*CertsExpiration, error) {
	items, authorities := renew.Items(c.input), renew.Authorities(c.input)
	files := pki.Files{}
	var specs []pki.Spec
	var configs []pki.Kubeconfig
	var paths []string
	for _, s := range authorities {
		paths = append(paths, s.CertPath(), s.KeyPath())
	}
	specs = append(specs, authorities...)
	for _, i := range items {
		paths = append(paths, i.Path())
		if i.Kubeconfig != nil {
			configs = append(configs, *i.Kubeconfig)
		} else {
			specs = append(specs, i.Spec)
		}
	}
	for _, p := range paths {
		data, err := c.read(ctx, p)
		if err != nil {
			return nil, err
		}
		if data != nil {
			files[p] = data
		}
	}
	r := &CertsExpiration{}
	for _, e := range pki.Expirations(files, specs, configs, c.now()) {
		_, exists := files[e.Path]
		one := CertExpiration{e, !exists}
		switch {
		case e.CA:
			// Without its certificate too, an authority is missing, not external.
			one.External = one.External && exists
			r.Authorities = append(r.Authorities, one)
		default:
			r.Certificates = append(r.Certificates, one)
		}
	}
	slices.SortFunc(r.Certificates, func(a, b CertExpiration) int { return strings.Compare(a.Name, b.Name) })
	if c.Configured {
		for _, i := range items {
			r.Changes = append(r.Changes, changes(i, files[i.Path()], c.file)...)
		}
	}
	return r, nil
}

// changes says how one certificate is not as the configuration of a file has it.
func changes(i renew.Item, data []byte, file string) []string {
	if len(data) == 0 {
		return nil
	}
	cert, err := pki.ParseCert(data)
	var server string
	if i.Kubeconfig != nil {
		cert, server, err = renew.Client(data)
	}
	if err != nil {
		return nil // it is reported as damaged
	}
	var lines []string
	for _, d := range renew.Drift(i.Spec, cert) {
		lines = append(lines, fmt.Sprintf("%s: %s; %s", i.Name, d.Text, renew.Remedy(i.Spec, i.Path(), d, file)))
	}
	if i.Kubeconfig != nil && server != i.Kubeconfig.Server {
		if movable(i) {
			moved := renew.Change{Text: fmt.Sprintf("it calls %s, configured is %s", server, i.Kubeconfig.Server), Applied: true}
			lines = append(lines, fmt.Sprintf("%s: %s; %s", i.Name, moved.Text, renew.Remedy(i.Spec, i.Path(), moved, file)))
		} else {
			lines = append(lines, fmt.Sprintf("%s: it calls %s, kubeadm's would call %s", i.Name, server, i.Kubeconfig.Server))
		}
	}
	return lines
}

// movable is true of the files that name the cluster's shared endpoint, which
// renewal corrects; a component's file may name a proxy of the user's.
func movable(i renew.Item) bool {
	return i.Name == "admin.conf" || i.Name == "super-admin.conf"
}
