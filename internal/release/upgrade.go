package release

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/version"
)

// CheckUpgrade returns nil when a control plane may go from one Kubernetes
// version to the other: to the same minor at the same or a newer patch, or to
// the next minor. The rule is Kubernetes' version skew policy, which kubeadm
// enforces too. The error says which step is missing.
func CheckUpgrade(from, to string) error {
	a, err := version.ParseSemantic(from)
	if err != nil {
		return fmt.Errorf("cannot upgrade from %q: %w", from, err)
	}
	b, err := version.ParseSemantic(to)
	if err != nil {
		return fmt.Errorf("cannot upgrade to %q: %w", to, err)
	}
	switch {
	case b.LessThan(a):
		return fmt.Errorf("cannot go from %s back to %s: etcd's data may already be in a newer form; restore a snapshot instead", from, to)
	case a.Major() != b.Major():
		return fmt.Errorf("cannot upgrade from %s to %s: the major versions differ", from, to)
	case b.Minor() > a.Minor()+1:
		return fmt.Errorf("cannot upgrade from %s to %s at once: go through v%d.%d first, one minor at a time", from, to, a.Major(), a.Minor()+1)
	}
	return nil
}

// CheckKubelet returns nil when a kubelet of one version may talk to an
// apiserver of the other: not newer, and at most three minors older. The rule
// is Kubernetes' version skew policy.
func CheckKubelet(kubelet, apiserver string) error {
	k, err := version.ParseSemantic(kubelet)
	if err != nil {
		return fmt.Errorf("kubelet version %q: %w", kubelet, err)
	}
	s, err := version.ParseSemantic(apiserver)
	if err != nil {
		return fmt.Errorf("apiserver version %q: %w", apiserver, err)
	}
	switch {
	case k.Major() != s.Major() || k.Minor() > s.Minor():
		return fmt.Errorf("kubelet %s is newer than apiserver %s: upgrade the control plane first", kubelet, apiserver)
	case s.Minor() > k.Minor()+3:
		return fmt.Errorf("kubelet %s is more than three minors older than apiserver %s: upgrade the node first", kubelet, apiserver)
	}
	return nil
}
