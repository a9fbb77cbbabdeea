package kubelet

import (
	kubelet "k8s.io/kubelet/config/v1beta1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
)

// AloneFile is the drop-in of a kubelet without an API, by the name that it has
// in kubeadm's guide to etcd on hosts of its own.
const AloneFile = DropInDir + "/20-etcd-service-manager.conf"

// Alone is that drop-in.
func Alone(m *cluster.Model) []byte {
	return []byte("[Service]\n" + m.Tuning.UnitLines() + `ExecStart=
ExecStart=/usr/bin/kubelet --config=` + ConfigFile + "\n")
}

// AloneConfig is the cluster's kubelet configuration without what an API is
// needed for: nobody can be authenticated, and so nobody is answered.
func AloneConfig(m *cluster.Model, h cluster.Host) []byte {
	no := false
	k := *m.Kubelet.DeepCopy()
	k.ContainerRuntimeEndpoint = h.Init.NodeRegistration.CRISocket
	k.EnableServer = &no
	k.Address = "127.0.0.1"
	k.Authentication = kubelet.KubeletAuthentication{
		Anonymous: kubelet.KubeletAnonymousAuthentication{Enabled: &no},
		Webhook:   kubelet.KubeletWebhookAuthentication{Enabled: &no},
	}
	k.Authorization = kubelet.KubeletAuthorization{Mode: kubelet.KubeletAuthorizationModeAlwaysAllow}
	k.RotateCertificates, k.ServerTLSBootstrap = false, false
	k.ClusterDNS, k.ClusterDomain = nil, ""
	return config.Marshal(k)
}
