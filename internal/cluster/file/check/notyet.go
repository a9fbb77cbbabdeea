package check

import (
	"slices"

	"keelway.dev/keelway/internal/cluster/file"
)

// notYet refuses by name what the cluster file can say and Keelway cannot do.
// Nothing is left undone in silence: a row goes when its feature comes.
func (l *list) notYet(c file.Cluster) {
	s := c.Spec
	for _, row := range []struct {
		asked           bool
		path, what, fix string
	}{
		{s.Audit.PolicyFile != "", "spec.audit.policyFile", "an audit policy of your own", "leave it out for Keelway's, in docs/security.md"},
		{hardened(c) && !*s.Audit.Enabled, "spec.audit.enabled", "the profile hardened without its audit log", "choose the profile kubeadm"},
		{!hardened(c) && *s.Audit.Enabled, "spec.audit.enabled", "an audit log in the profile kubeadm", "choose the profile hardened"},
		{hardened(c) && !*s.Encryption.Enabled, "spec.encryption.enabled", "the profile hardened without encryption", "choose the profile kubeadm"},
		{!hardened(c) && *s.Encryption.Enabled, "spec.encryption.enabled", "encryption in the profile kubeadm", "choose the profile hardened"},
		{*s.Encryption.Enabled && !slices.Equal(s.Encryption.Resources, []string{"secrets"}), "spec.encryption.resources", "encrypting other resources than secrets", "leave it out"},
	} {
		if row.asked {
			l.notYetAt(row.path, row.what, row.fix)
		}
	}
}

func (l *list) notYetAt(path, what, fix string) {
	l.refuse(path, fix, "not yet: %s", what)
}
