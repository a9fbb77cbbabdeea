package pki

import (
	"fmt"
	"path"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
)

// Files are the contents of files by path. Of private keys only the presence
// counts, so that an empty value may stand for their content.
type Files map[string][]byte

// Expiration says how long one certificate or kubeconfig lasts.
type Expiration struct {
	// Name is the certificate's, or a kubeconfig's file name; Path is its file.
	Name, Path string
	CA         bool
	// Issuer is the name of the authority that signs it, "" for itself.
	Issuer string
	// External is true when the issuer's key (for an authority: its own) is
	// not on this host, so that it cannot be renewed here.
	External bool
	// NotAfter is zero and Problem says why when there is no readable certificate.
	NotAfter time.Time
	Problem  string
	// Residual is the time left, negative after expiry; Days are whole days of it.
	Residual time.Duration
	Days     int
}

// Left returns the time left in kubeadm's short form, such as 364d, and
// "<invalid>" after expiry.
func (e Expiration) Left() string { return duration.HumanDuration(e.Residual) }

// Expirations returns one entry per certificate and kubeconfig, in the order
// given, for those that are missing too.
func Expirations(files Files, specs []Spec, configs []Kubeconfig, now time.Time) []Expiration {
	byBase := map[string]Spec{}
	for _, s := range specs {
		byBase[s.Base] = s
	}
	var list []Expiration
	for _, s := range specs {
		e := Expiration{Name: s.Name, Path: s.CertPath(), CA: s.CA, Issuer: byBase[s.Parent].Name}
		e.External = !files.has(s.ParentKeyPath())
		e.read(files, e.Path, now)
		list = append(list, e)
	}
	for _, k := range configs {
		e := Expiration{Name: path.Base(k.Path), Path: k.Path, Issuer: k.Client.Parent}
		e.External = !files.has(path.Join(k.CADir, k.Client.Parent+".key"))
		e.readKubeconfig(files, k, now)
		list = append(list, e)
	}
	return list
}

func (f Files) has(name string) bool {
	_, ok := f[name]
	return ok
}

// read takes the dates from a PEM file.
func (e *Expiration) read(files Files, name string, now time.Time) {
	if !files.has(name) {
		e.Problem = name + " does not exist"
		return
	}
	e.parse(files[name], now)
}

// readKubeconfig takes the dates from the client certificate that a kubeconfig
// holds or refers to.
func (e *Expiration) readKubeconfig(files Files, k Kubeconfig, now time.Time) {
	if !files.has(k.Path) {
		e.Problem = k.Path + " does not exist"
		return
	}
	p, err := parseKubeconfig(files[k.Path])
	switch {
	case err != nil:
		e.Problem = fmt.Sprintf("%s cannot be used: %v", k.Path, err)
	case len(p.user.ClientCertificateData) > 0:
		e.parse(p.user.ClientCertificateData, now)
	case p.user.ClientCertificate != "":
		e.Path = p.user.ClientCertificate
		e.read(files, e.Path, now)
	default:
		e.Problem = k.Path + " holds no client certificate"
	}
}

func (e *Expiration) parse(certPEM []byte, now time.Time) {
	cert, err := ParseCert(certPEM)
	if err != nil {
		e.Problem = fmt.Sprintf("%s cannot be read: %v", e.Path, err)
		return
	}
	e.NotAfter = cert.NotAfter
	e.Residual = cert.NotAfter.Sub(now)
	e.Days = int(e.Residual / (24 * time.Hour))
}
