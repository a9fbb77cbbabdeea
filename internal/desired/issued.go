package desired

import (
	"path"
	"slices"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/pki"
)

// Issued are the certificates and kubeconfigs that the model's host of that index
// has by its roles.
func Issued(m *cluster.Model, index int) ([]pki.Spec, []pki.Kubeconfig) {
	s := &story{model: m, host: m.Hosts[index]}
	configs := pki.Kubeconfigs(PKI(m, s.host))
	for i, k := range configs {
		if path.Base(k.Path) == path.Base(kubeletConf) {
			configs[i].ClientFile = s.clientFile()
		}
	}
	switch {
	case s.host.Has(cluster.ControlPlane):
		return s.table(), configs
	case s.host.Has(cluster.EtcdMember):
		return s.table(), nil
	case s.host.Has(cluster.Worker):
		return slices.DeleteFunc(s.table(), func(c pki.Spec) bool { return c.Name != "ca" }),
			slices.DeleteFunc(configs, func(k pki.Kubeconfig) bool { return path.Base(k.Path) != path.Base(kubeletConf) })
	}
	return nil, nil
}
