package cluster

import (
	"regexp"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/release"
)

// Image is the reference of an image by its name in package release, with the
// configuration's repositories and tags: kubeadm's rules.
func (m *Model) Image(name string) string {
	c := m.Cluster
	repository, tag := c.ImageRepository+"/"+name, m.Release.Tag(name)
	switch name {
	case "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy":
		// A build's "+" is not allowed in a tag.
		tag = regexp.MustCompile(`[^-\w.]`).ReplaceAllString(c.KubernetesVersion, "_")
	case "coredns":
		base := or(c.DNS.ImageRepository, c.ImageRepository)
		if base == config.DefaultImageRepository {
			// Upstream's own registry alone has the extra folder.
			base += "/coredns"
		}
		repository, tag = base+"/coredns", or(c.DNS.ImageTag, tag)
	case "etcd":
		if l := c.Etcd.Local; l != nil {
			repository, tag = or(l.ImageRepository, c.ImageRepository)+"/etcd", or(l.ImageTag, tag)
		}
	case "flannel", "haproxy":
		repository = release.Repository(name)
	}
	return repository + ":" + tag
}
