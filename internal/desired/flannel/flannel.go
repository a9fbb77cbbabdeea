// Package flannel builds the API objects of the pod network, in the structure of flannel's own manifest.
package flannel

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired/access"
	"keelway.dev/keelway/internal/desired/cni"
)

// Namespace is flannel's own.
const Namespace = "kube-flannel"

// SubnetFile is where flannel tells its CNI plugin this node's range.
const SubnetFile = "/run/flannel/subnet.env"

func labels() map[string]string { return map[string]string{"k8s-app": "flannel"} }

// NamespaceObject lets privileged pods in: flannel sets up the host's network.
func NamespaceObject() *corev1.Namespace {
	l := labels()
	l["pod-security.kubernetes.io/enforce"] = "privileged"
	return &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: Namespace, Labels: l},
	}
}

// Account is flannel's identity.
func Account() *corev1.ServiceAccount {
	return &corev1.ServiceAccount{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta: metav1.ObjectMeta{Name: "flannel", Namespace: Namespace, Labels: labels()},
	}
}

// Role lets flannel read every Node's range and write its own address to its Node.
func Role() *rbac.ClusterRole {
	r := access.ClusterRole("flannel",
		rbac.PolicyRule{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}},
		rbac.PolicyRule{Verbs: []string{"get", "list", "watch"}, APIGroups: []string{""}, Resources: []string{"nodes"}},
		rbac.PolicyRule{Verbs: []string{"patch"}, APIGroups: []string{""}, Resources: []string{"nodes/status"}},
	)
	r.Labels = labels()
	return r
}

// Binding gives Role to flannel's service account.
func Binding() *rbac.ClusterRoleBinding {
	b := access.ClusterBinding("flannel", "flannel", access.Account(Namespace, "flannel"))
	b.Labels = labels()
	return b
}

// Config is the ConfigMap with the network's range, which is valid in a model,
// and back end.
func Config(m *cluster.Model) *corev1.ConfigMap {
	subnets, _ := config.Subnets(m.Cluster.Networking.PodSubnet)
	ranges, v4 := "", false
	for _, s := range subnets {
		key := "Network"
		if s.Addr().Is6() {
			key = "IPv6Network"
			ranges += "  \"EnableIPv6\": true,\n"
		} else {
			v4 = true
		}
		ranges += fmt.Sprintf("  %q: %q,\n", key, s)
	}
	if !v4 {
		ranges = "  \"EnableIPv4\": false,\n" + ranges
	}
	cm := access.ConfigMap(Namespace, "kube-flannel-cfg", "net-conf.json", fmt.Sprintf(`{
%s  "EnableNFTables": %t,
  "Backend": {
    "Type": "vxlan"
  }
}
`, ranges, m.NFTables()))
	cm.Data["cni-conf.json"] = cni.Config()
	cm.Labels = appLabels()
	return cm
}

func appLabels() map[string]string {
	return map[string]string{"tier": "node", "k8s-app": "flannel", "app": "flannel"}
}
