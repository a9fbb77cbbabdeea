package access

import (
	"crypto/sha256"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
)

// ConfigMap is a ConfigMap of one key.
func ConfigMap(namespace, name, key, value string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Data:       map[string]string{key: value},
	}
}

// Sign marks a ConfigMap whose content is generated, so that kubeadm knows
// that it may generate it anew on upgrade. Only a hash of the values in the
// order of their keys counts.
func Sign(cm *corev1.ConfigMap, values ...string) {
	hash := sha256.New()
	for _, v := range values {
		hash.Write([]byte(v))
	}
	cm.Annotations = map[string]string{
		"kubeadm.kubernetes.io/component-config.hash": fmt.Sprintf("sha256:%x", hash.Sum(nil)),
	}
}

// KubeadmConfig is where kubeadm reads the cluster's configuration.
func KubeadmConfig(m *cluster.Model) *corev1.ConfigMap {
	return ConfigMap("kube-system", "kubeadm-config", "ClusterConfiguration", string(config.Marshal(m.Cluster)))
}

// KubeletConfig is where a joining machine reads its kubelet's configuration.
func KubeletConfig(m *cluster.Model) *corev1.ConfigMap {
	data := config.Marshal(m.Kubelet)
	cm := ConfigMap("kube-system", "kubelet-config", "kubelet", string(data))
	if !m.KubeletSupplied {
		Sign(cm, string(data))
	}
	return cm
}

// KubeadmConfigReaders and KubeletConfigReaders let joining machines and nodes read them.
func KubeadmConfigReaders() (*rbac.Role, *rbac.RoleBinding) {
	const name = "kubeadm:nodes-kubeadm-config"
	return ReadConfigMap("kube-system", name, "kubeadm-config"),
		Binding("kube-system", name, Group(bootstrapGroup), Group(nodesGroup))
}

// KubeletConfigReaders is KubeadmConfigReaders for kubelet-config.
func KubeletConfigReaders() (*rbac.Role, *rbac.RoleBinding) {
	const name = "kubeadm:kubelet-config"
	return ReadConfigMap("kube-system", name, "kubelet-config"),
		Binding("kube-system", name, Group(nodesGroup), Group(bootstrapGroup))
}

// CAPlaceholder stands in cluster-info for the base64 of the cluster CA's
// certificate, which only the host knows.
const CAPlaceholder = "@CA@"

// ClusterInfo is what a joining machine reads first, without credentials: the
// API's URL and the CA. The controller manager signs it with each token.
func ClusterInfo(m *cluster.Model, h cluster.Host) *corev1.ConfigMap {
	kubeconfig := `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ` + CAPlaceholder + `
    server: ` + m.Cluster.ControlPlaneURL(h.Init.LocalAPIEndpoint) + `
  name: ""
contexts: null
current-context: ""
kind: Config
users: null
`
	return ConfigMap("kube-public", "cluster-info", "kubeconfig", kubeconfig)
}

// ClusterInfoReaders let anybody read cluster-info, and nothing else.
func ClusterInfoReaders() (*rbac.Role, *rbac.RoleBinding) {
	const name = "kubeadm:bootstrap-signer-clusterinfo"
	return ReadConfigMap("kube-public", name, "cluster-info"), Binding("kube-public", name, User("system:anonymous"))
}
