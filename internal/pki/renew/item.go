// Package renew says what takes the place of the certificates in use, and what of them is not as configured.
package renew

import (
	"path"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/pki"
)

// Item is one certificate that can be renewed: a file of its own, or the one in
// a kubeconfig.
type Item struct {
	// Name is the word of the command line, What kubeadm's words for it.
	Name, What string
	Spec       pki.Spec
	// Kubeconfig is nil for a file of its own.
	Kubeconfig *pki.Kubeconfig
}

// Path is where the certificate lies.
func (i Item) Path() string {
	if i.Kubeconfig != nil {
		return i.Kubeconfig.Path
	}
	return i.Spec.CertPath()
}

// Issuer is the name of its authority, such as "etcd-ca".
func (i Item) Issuer() string { return strings.ReplaceAll(i.Spec.Parent, "/", "-") }

// KeyPath is where the private key lies, ParentCert and ParentKey the issuer's files.
func (i Item) KeyPath() string { return i.Spec.KeyPath() }

// ParentCert is the path of the issuer's certificate.
func (i Item) ParentCert() string { return i.parent() + ".crt" }

// ParentKey is the path of the issuer's key.
func (i Item) ParentKey() string { return i.parent() + ".key" }

func (i Item) parent() string {
	if i.Kubeconfig != nil {
		return path.Join(i.Kubeconfig.CADir, i.Spec.Parent)
	}
	return path.Join(i.Spec.Dir, i.Spec.Parent)
}

// Items are what `certs renew` takes, sorted by name: all but the authorities
// and kubelet.conf, whose certificate the kubelet renews itself.
func Items(in pki.Input) []Item {
	var items []Item
	for _, s := range pki.Table(in) {
		if !s.CA {
			items = append(items, Item{Name: s.Name, What: what(s.Name), Spec: s})
		}
	}
	for _, k := range pki.Kubeconfigs(in) {
		if name := path.Base(k.Path); name != "kubelet.conf" {
			items = append(items, Item{Name: name, What: what(name), Spec: k.Client, Kubeconfig: &k})
		}
	}
	slices.SortFunc(items, func(a, b Item) int { return strings.Compare(a.Name, b.Name) })
	return items
}

// Authorities are the authorities, sorted by name.
func Authorities(in pki.Input) []pki.Spec {
	var list []pki.Spec
	for _, s := range pki.Table(in) {
		if s.CA {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b pki.Spec) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Names are the names of everything that could be renewed in some cluster.
func Names() []string {
	var names []string
	for _, i := range Items(pki.Input{}) {
		names = append(names, i.Name)
	}
	return names
}

// what says in kubeadm's words what a certificate is, because scripts read
// "... renewed".
func what(name string) string {
	return map[string]string{
		"admin.conf":               "certificate embedded in the kubeconfig file for the admin to use and for kubeadm itself",
		"super-admin.conf":         "certificate embedded in the kubeconfig file for the super-admin",
		"controller-manager.conf":  "certificate embedded in the kubeconfig file for the controller manager to use",
		"scheduler.conf":           "certificate embedded in the kubeconfig file for the scheduler manager to use",
		"apiserver":                "certificate for serving the Kubernetes API",
		"apiserver-etcd-client":    "certificate the apiserver uses to access etcd",
		"apiserver-kubelet-client": "certificate for the API server to connect to kubelet",
		"etcd-healthcheck-client":  "certificate for liveness probes to healthcheck etcd",
		"etcd-peer":                "certificate for etcd nodes to communicate with each other",
		"etcd-server":              "certificate for serving etcd",
		"front-proxy-client":       "certificate for the front proxy client",
	}[name]
}
