package cause

import (
	"cmp"

	"keelway.dev/keelway/internal/diagnose/evidence"
)

func configRules() []rule {
	return []rule{
		{
			name:    "bootstrap-missing",
			pattern: `unable to load bootstrap kubeconfig: stat (\S+): no such file`,
			say: func(evidence.Evidence, match) (string, string) {
				return "the kubelet has no identity: neither /etc/kubernetes/kubelet.conf nor a bootstrap kubeconfig is there", "run `keelway up` again, which writes it"
			},
		},
		{
			name:    "kubelet-config-missing",
			pattern: `failed to load kubelet config file, path: ([^\s,]+),.*no such file or directory`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				return "the kubelet's configuration " + m.group[1] + " does not exist, as on a machine where it is installed and no cluster was made", "run `keelway up`, which writes it"
			},
		},
		{
			name:    "flag-unknown",
			pattern: `unknown (?:shorthand )?flag: (\S+)|unrecognized feature gate: (\S+)|invalid argument "[^"]*" for "(\S+)" flag`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				flag := cmp.Or(m.group[1], m.group[2], m.group[3])
				return m.component + " does not know " + flag + " or its value, as after a change of version or by a slip of the pen", "take it out of the cluster's extraArgs, or of the file that `keelway explain " + m.component + "` names" + again
			},
		},
		{
			name:    "config-invalid",
			pattern: `(?:error while parsing file|failed to validate kubelet configuration, error|strict decoding error|loading audit policy file|error parsing|couldn't parse|failed to decode|yaml: line \d+|unable to read config file)[^:]*: (.+)`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				return "a configuration file of " + m.component + " is not valid: " + m.group[1], "repair it, or run `keelway up` again to write Keelway's own; `keelway status` shows which file differs"
			},
		},
		{
			name:    "file-missing",
			pattern: `(?:open|stat|read|lstat) (/[^\s:"]+): no such file or directory`,
			of:      []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "containerd", "keelway-approver"},
			say: func(_ evidence.Evidence, m match) (string, string) {
				return m.component + " needs the file " + m.group[1] + ", which does not exist", "`keelway explain " + m.group[1] + "` says who writes it; `keelway up` writes what is missing"
			},
		},
		{
			name:    "permission",
			pattern: `(?:open|mkdir|stat|chmod|chown|unlinkat|rename) (/[^\s:"]+): (?:permission denied|operation not permitted)`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				return m.component + " may not use " + m.group[1], "keelway and its services must run as root; look for an immutable attribute (`lsattr`) or a security module" + again
			},
		},
	}
}
