package cluster

import (
	"regexp"
	"strings"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/release"
)

// Bundled is the reference by which a bundle has the image: upstream's repository,
// whatever the configuration's, with the configuration's tag. An image with a
// repository of its own in the configuration is meant to be another one.
func (m *Model) Bundled(name string) string {
	reference, etcd := m.Image(name), m.Cluster.Etcd.Local
	if name == "coredns" && m.Cluster.DNS.ImageRepository != "" || name == "etcd" && etcd != nil && etcd.ImageRepository != "" {
		return reference
	}
	return release.Repository(name) + reference[strings.LastIndex(reference, ":"):]
}

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
