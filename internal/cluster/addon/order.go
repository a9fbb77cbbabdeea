package addon

import (
	"slices"
	"strings"
)

// The kinds that others stand on, or that stand in the way of others.
const (
	Namespace  = "Namespace"
	Definition = "CustomResourceDefinition"
)

// first are the kinds of Kubernetes itself that others name, in an order in
// which each finds what it names.
func first() []string {
	return []string{
		"PriorityClass", "RuntimeClass", "StorageClass", "IngressClass", "DeviceClass",
		"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding",
		"ResourceQuota", "LimitRange", "NetworkPolicy", "PodDisruptionBudget",
		"Secret", "ConfigMap", "PersistentVolume", "PersistentVolumeClaim", "Service",
	}
}

// The ranks of the other kinds.
const (
	rankNamespace = iota
	rankDefinition
	rankFirst
	rankWork   = 100 + iota // Deployments and the like
	rankCustom              // what CustomResourceDefinitions define
	rankGate                // what may refuse, or stand for, what comes after it
)

// rank is an object's place: the lower is applied first and pruned last.
func (r Ref) rank() int {
	switch r.Kind {
	case Namespace:
		return rankNamespace
	case Definition:
		return rankDefinition
	case "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy",
		"ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "APIService":
		return rankGate
	}
	if r.Custom() {
		return rankCustom
	}
	if i := slices.Index(first(), r.Kind); i >= 0 {
		return rankFirst + i
	}
	return rankWork
}

// Custom is true of kinds that are not Kubernetes' own.
func (r Ref) Custom() bool {
	return strings.Contains(r.Group, ".") && !strings.HasSuffix(r.Group, ".k8s.io") && r.Group != "k8s.io"
}

// Gate is true of what may refuse or serve requests for other objects: it comes last.
func (r Ref) Gate() bool { return r.rank() == rankGate }

// Sort puts objects in the order in which they are applied.
func Sort(objects []Object) {
	slices.SortStableFunc(objects, func(a, b Object) int { return a.Ref().rank() - b.Ref().rank() })
}

// SortPrune puts what is to be removed in its order: what stands on others first.
func SortPrune(refs []Ref) {
	slices.SortStableFunc(refs, func(a, b Ref) int {
		if d := b.rank() - a.rank(); d != 0 {
			return d
		}
		return strings.Compare(a.Line(), b.Line())
	})
}

// Protected is true of what is never pruned, whoever named it: the cluster's own
// namespaces.
func (r Ref) Protected() bool {
	return r.Kind == Namespace && slices.Contains([]string{"default", "kube-system", "kube-public", "kube-node-lease"}, r.Name)
}
