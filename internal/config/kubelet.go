package config

import (
	kubelet "k8s.io/kubelet/config/v1beta1"
)

// KubeletAPIVersion is the version of KubeletConfiguration.
const KubeletAPIVersion = "kubelet.config.k8s.io/v1beta1"

// DefaultKubelet fills what kubeadm fills of a KubeletConfiguration. The error
// is a service range too small for the cluster's DNS.
func DefaultKubelet(k *kubelet.KubeletConfiguration, c ClusterConfiguration) error {
	k.APIVersion, k.Kind = KubeletAPIVersion, "KubeletConfiguration"
	fill(&k.StaticPodPath, "/etc/kubernetes/manifests")
	if k.ClusterDNS == nil {
		dns, err := c.Networking.ServiceAddress(10)
		if err != nil {
			return err
		}
		k.ClusterDNS = []string{dns.String()}
	}
	fill(&k.ClusterDomain, c.Networking.DNSDomain)
	fill(&k.Authentication.X509.ClientCAFile, c.CertificatesDir+"/ca.crt")
	if k.Authentication.Anonymous.Enabled == nil {
		no := false
		k.Authentication.Anonymous.Enabled = &no
	}
	fillTrue(&k.Authentication.Webhook.Enabled)
	fill(&k.Authorization.Mode, kubelet.KubeletAuthorizationModeWebhook)
	fill(&k.HealthzBindAddress, "127.0.0.1")
	if k.HealthzPort == nil {
		port := int32(10248)
		k.HealthzPort = &port
	}
	k.RotateCertificates = true
	fill(&k.CgroupDriver, "systemd")
	return nil
}
