package access

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/cluster"
)

// Node holds the host's own labels and taints, and those that mark a control
// plane; they are merged into what the kubelet registers. Where a cluster file
// decides on them, their names are in it too.
func Node(h cluster.Host) *corev1.Node {
	labels := maps.Clone(h.Labels)
	if h.Has(cluster.ControlPlane) {
		if labels == nil {
			labels = map[string]string{}
		}
		labels["node-role.kubernetes.io/control-plane"] = ""
		labels["node.kubernetes.io/exclude-from-external-load-balancers"] = ""
	}
	n := &corev1.Node{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
		ObjectMeta: metav1.ObjectMeta{Name: h.Init.NodeRegistration.Name, Labels: labels},
		Spec:       corev1.NodeSpec{Taints: h.Init.NodeRegistration.Taints},
	}
	if h.Marked {
		remember(n)
	}
	return n
}

// ApproverRole may approve kubelet serving certificates and nothing else: who
// could approve for another signer could make itself an administrator.
func ApproverRole() *rbac.ClusterRole {
	return ClusterRole("keelway:approver",
		rbac.PolicyRule{
			Verbs:     []string{"get", "list", "watch"},
			APIGroups: []string{"certificates.k8s.io"}, Resources: []string{"certificatesigningrequests"},
		},
		rbac.PolicyRule{
			Verbs:     []string{"update"},
			APIGroups: []string{"certificates.k8s.io"}, Resources: []string{"certificatesigningrequests/approval"},
		},
		rbac.PolicyRule{
			Verbs:     []string{"approve"},
			APIGroups: []string{"certificates.k8s.io"}, Resources: []string{"signers"},
			ResourceNames: []string{"kubernetes.io/kubelet-serving"},
		},
		rbac.PolicyRule{
			Verbs:     []string{"get", "list", "watch"},
			APIGroups: []string{""}, Resources: []string{"nodes"},
		},
	)
}

// ApproverBinding gives ApproverRole to the approver's certificate.
func ApproverBinding(user string) *rbac.ClusterRoleBinding {
	return ClusterBinding("keelway:approver", "keelway:approver", User(user))
}
