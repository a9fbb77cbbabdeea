package upgrade

import (
	"cmp"
	"slices"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/release"
)

// components are the programs in kubeadm's order. kubeadm stands for the
// program that upgrades: Keelway, by the version of Kubernetes that it brings.
func components(v observed.Versions, c config.ClusterConfiguration, to string, etcd bool) []Component {
	var list []Component
	for _, k := range byVersion(v.Kubelets) {
		if k.Version != to {
			list = append(list, Component{Kubelet, k.Node, k.Version, to})
		}
	}
	for _, name := range []string{APIServer, "kube-controller-manager", "kube-scheduler"} {
		for _, r := range byVersion(v.Of(name)) {
			list = append(list, Component{name, r.Node, r.Version, to})
		}
	}
	if v.Proxy != "" {
		list = append(list, Component{Proxy, "", v.Proxy, to})
	}
	if v.DNS != "" {
		list = append(list, Component{DNS, "", v.DNS, dnsTag(c, to, v.DNS)})
	}
	list = append(list, Component{Kubeadm, "", brings(to), to})
	if etcd && c.Etcd.External == nil {
		for _, r := range byVersion(v.Of(Etcd)) {
			list = append(list, Component{Etcd, r.Node, r.Version, EtcdTag(c, to, r.Version)})
		}
	}
	return list
}

// brings is the version that Keelway has of a target's minor.
func brings(to string) string {
	r, err := release.For(release.Minor(to))
	if err != nil {
		return release.Default().Kubernetes
	}
	return r.Kubernetes
}

func byVersion(list []observed.Running) []observed.Running {
	return slices.SortedStableFunc(slices.Values(list), func(a, b observed.Running) int { return cmp.Compare(a.Version, b.Version) })
}

// EtcdTag is the image tag of etcd at a Kubernetes version. A tag in the
// configuration is the user's choice and stays, unless a release of Keelway has
// brought it: then the target's takes its place. Without one it is kubeadm's.
// etcd never goes back: its data may be in a newer form.
func EtcdTag(c config.ClusterConfiguration, to, current string) string {
	tag := cluster.KubeadmEtcdTag
	if l := c.Etcd.Local; l != nil && l.ImageTag != "" {
		tag = successor(Etcd, l.ImageTag, to)
	}
	return notBefore(tag, current)
}

// dnsTag is the same for CoreDNS.
func dnsTag(c config.ClusterConfiguration, to, current string) string {
	tag := successor("coredns", c.DNS.ImageTag, to)
	return notBefore(tag, current)
}

// successor is the target release's tag for one of Keelway's own or none.
func successor(image, tag, to string) string {
	own := tag == "" || slices.ContainsFunc(release.All(), func(r release.Release) bool { return r.Tag(image) == tag })
	if r, err := release.For(release.Minor(to)); own && err == nil {
		return r.Tag(image)
	}
	return tag
}

func notBefore(tag, current string) string {
	if older(tag, current) {
		return current
	}
	return tag
}
