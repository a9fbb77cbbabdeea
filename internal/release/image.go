package release

import "strings"

// Tag is the tag of the image of that name in this release, as kubeadm and
// flannel's manifest write it: "3.7.3-0" for etcd, "3.10.2" for pause, "v1.37.0"
// for kube-proxy. It is empty for a name that is no image.
func (r Release) Tag(image string) string {
	switch image {
	case "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy":
		return r.Kubernetes
	case "etcd":
		return strings.TrimPrefix(r.Etcd, "v") + "-0"
	case "coredns":
		return r.CoreDNS
	case "pause":
		return strings.TrimPrefix(r.Pause, "v")
	case "flannel":
		return r.Flannel
	case "haproxy":
		return strings.ReplaceAll(r.HAProxy, "+", "_") // no tag has a "+"
	}
	return ""
}

// Own is the repository of images that Keelway alone makes, of Debian's
// packages: no registry has them.
const Own = "keelway.dev/"

// Repository is where upstream publishes the image of that name, without the
// tag, such as "registry.k8s.io/coredns/coredns". It is empty for a name that
// is no image.
func Repository(image string) string {
	switch image {
	case "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "etcd", "pause":
		return "registry.k8s.io/" + image
	case "coredns":
		return "registry.k8s.io/coredns/coredns"
	case "flannel":
		return "ghcr.io/flannel-io/flannel"
	case "haproxy":
		return Own + "haproxy"
	}
	return ""
}

// Images are the names that Tag and Repository know, in the order in which a
// cluster needs them.
func Images() []string {
	return []string{
		"pause", "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler",
		"kube-proxy", "coredns", "flannel", "haproxy",
	}
}

// Image is the whole upstream reference of the image of that name, such as
// "registry.k8s.io/etcd:3.7.3-0". It is empty for a name that is no image.
func (r Release) Image(image string) string {
	if Repository(image) == "" {
		return ""
	}
	return Repository(image) + ":" + r.Tag(image)
}
