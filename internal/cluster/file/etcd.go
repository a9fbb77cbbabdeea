package file

import (
	"net"
	"slices"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/release"
)

// local is a member that Keelway makes, on its own host.
func (c Cluster) local() *config.LocalEtcd {
	l := &config.LocalEtcd{DataDir: c.Spec.Etcd.DataDir, ExtraArgs: slices.Clone(c.Spec.Etcd.ExtraArgs)}
	if r, err := release.For(c.Spec.KubernetesVersion); err == nil {
		l.ImageTag = r.Tag("etcd")
	}
	return l
}

// ownEtcd is the etcd of the hosts that have the role, as the API servers reach
// it, with the files that kubeadm's guide has for it.
func (c Cluster) ownEtcd() *config.ExternalEtcd {
	const dir = config.DefaultCertificatesDir
	e := &config.ExternalEtcd{CAFile: dir + "/etcd/ca.crt", CertFile: dir + "/apiserver-etcd-client.crt", KeyFile: dir + "/apiserver-etcd-client.key"}
	for _, h := range c.Members() {
		e.Endpoints = append(e.Endpoints, "https://"+net.JoinHostPort(h.NodeAddress, "2379"))
	}
	return e
}
