package config

import (
	"k8s.io/apimachinery/pkg/util/version"
	kubeproxy "k8s.io/kube-proxy/config/v1alpha1"
)

// ProxyAPIVersion is the version of KubeProxyConfiguration.
const ProxyAPIVersion = "kubeproxy.config.k8s.io/v1alpha1"

// DefaultProxy fills what kubeadm fills of a KubeProxyConfiguration.
func DefaultProxy(p *kubeproxy.KubeProxyConfiguration, c ClusterConfiguration, local APIEndpoint) {
	p.APIVersion, p.Kind = ProxyAPIVersion, "KubeProxyConfiguration"
	bind := "0.0.0.0"
	if local.IPv6() {
		bind = "::"
	}
	fill(&p.BindAddress, bind)
	fill(&p.ClusterCIDR, c.Networking.PodSubnet)
	fill(&p.ClientConnection.Kubeconfig, "/var/lib/kube-proxy/kubeconfig.conf")
	// Older kubeadm leaves the choice to kube-proxy, which takes iptables.
	if v, err := version.ParseGeneric(c.KubernetesVersion); err != nil || v.AtLeast(version.MajorMinor(1, 37)) {
		fill(&p.Mode, "iptables")
	}
}
