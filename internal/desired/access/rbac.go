// Package access builds the API objects that let administrators, nodes and joining machines in.
package access

import (
	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/config"
)

// Groups and users that Kubernetes gives a meaning to.
const (
	nodesGroup     = "system:nodes"
	bootstrapGroup = config.DefaultTokenGroup
)

// Group is all members of a group as a subject. The API server fills in the
// API group, as it does for what kubeadm writes.
func Group(name string) rbac.Subject {
	return rbac.Subject{Kind: rbac.GroupKind, Name: name}
}

// User is a single user as a subject.
func User(name string) rbac.Subject {
	return rbac.Subject{Kind: rbac.UserKind, Name: name}
}

// Account is a service account as a subject.
func Account(namespace, name string) rbac.Subject {
	return rbac.Subject{Kind: rbac.ServiceAccountKind, Namespace: namespace, Name: name}
}

// ClusterRole is a role over the whole cluster.
func ClusterRole(name string, rules ...rbac.PolicyRule) *rbac.ClusterRole {
	return &rbac.ClusterRole{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbac.SchemeGroupVersion.String(), Kind: "ClusterRole"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Rules:      rules,
	}
}

// ClusterBinding gives a cluster role to subjects.
func ClusterBinding(name, role string, subjects ...rbac.Subject) *rbac.ClusterRoleBinding {
	return &rbac.ClusterRoleBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbac.SchemeGroupVersion.String(), Kind: "ClusterRoleBinding"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   subjects,
	}
}

// ReadConfigMap is a role in a namespace that may read one ConfigMap.
func ReadConfigMap(namespace, name, configMap string) *rbac.Role {
	return readOne(namespace, name, "configmaps", configMap)
}

// ReadSecret is a role in a namespace that may read one Secret.
func ReadSecret(namespace, name, secret string) *rbac.Role {
	return readOne(namespace, name, "secrets", secret)
}

func readOne(namespace, name, resource, object string) *rbac.Role {
	return &rbac.Role{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbac.SchemeGroupVersion.String(), Kind: "Role"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Rules: []rbac.PolicyRule{{
			Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{resource}, ResourceNames: []string{object},
		}},
	}
}

// Binding gives the role of the same name in a namespace to subjects.
func Binding(namespace, role string, subjects ...rbac.Subject) *rbac.RoleBinding {
	return &rbac.RoleBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbac.SchemeGroupVersion.String(), Kind: "RoleBinding"},
		ObjectMeta: metav1.ObjectMeta{Name: role, Namespace: namespace},
		RoleRef:    rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "Role", Name: role},
		Subjects:   subjects,
	}
}

// ClusterAdmins makes the group of admin.conf administrators.
func ClusterAdmins() *rbac.ClusterRoleBinding {
	return ClusterBinding("kubeadm:cluster-admins", "cluster-admin", Group("kubeadm:cluster-admins"))
}

// KubeletClient lets the API server's client certificate use the kubelets' API.
func KubeletClient() *rbac.ClusterRoleBinding {
	return ClusterBinding("kubeadm:apiserver-kubelet-client", "system:kubelet-api-admin", User("kube-apiserver-kubelet-client"))
}

// NodesRole lets a joining machine see whether its node name is taken.
func NodesRole() *rbac.ClusterRole {
	return ClusterRole("kubeadm:get-nodes", rbac.PolicyRule{
		Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"nodes"},
	})
}

// NodesBinding gives NodesRole to bootstrap tokens.
func NodesBinding() *rbac.ClusterRoleBinding {
	return ClusterBinding("kubeadm:get-nodes", "kubeadm:get-nodes", Group(bootstrapGroup))
}

// PostRequests lets bootstrap tokens ask for a node's certificate.
func PostRequests() *rbac.ClusterRoleBinding {
	return ClusterBinding("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", Group(bootstrapGroup))
}

// ApproveFirst has a bootstrap token's request for a node's certificate approved.
func ApproveFirst() *rbac.ClusterRoleBinding {
	return ClusterBinding("kubeadm:node-autoapprove-bootstrap",
		"system:certificates.k8s.io:certificatesigningrequests:nodeclient", Group(bootstrapGroup))
}

// ApproveRenewal has a node's request for its own next certificate approved.
func ApproveRenewal() *rbac.ClusterRoleBinding {
	return ClusterBinding("kubeadm:node-autoapprove-certificate-rotation",
		"system:certificates.k8s.io:certificatesigningrequests:selfnodeclient", Group(nodesGroup))
}
