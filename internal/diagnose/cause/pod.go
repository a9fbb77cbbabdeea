package cause

import (
	"cmp"
	"strings"

	"keelway.dev/keelway/internal/diagnose/evidence"
)

// podRules are about how a pod is made. They are general: whatever lies below
// is recognised by an earlier rule, where it is known.
func podRules() []rule {
	return []rule{
		{
			name:    "sandbox-name",
			pattern: `failed to reserve sandbox name "([^"]+)": name "[^"]*" is reserved for "?(\w+)`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				return "the runtime still holds a half-made pod of the same name", "remove it with `crictl rmp -f " + m.group[2] + "`" + again
			},
		},
		{
			name:    "unschedulable",
			pattern: `(?:FailedScheduling|Unschedulable): (.+)`,
			say:     unschedulable,
		},
		{
			name:    "webhook",
			pattern: `failed calling webhook "([^"]+)": (.+)`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				return "the admission webhook " + m.group[1] + " does not answer, and requests wait for it", "repair what serves it, or delete its webhook configuration with `keelway kubectl`"
			},
		},
		{
			name:    "runtime-missing",
			pattern: `no runtime for "([^"]*)" is configured|(?:runtime|binary|runc)[^:]{0,40}: (?:executable file not found|no such file or directory)`,
			say: func(evidence.Evidence, match) (string, string) {
				return "containerd cannot find the program that makes containers", "run `keelway up` again, which installs runc and containerd-shim-runc-v2"
			},
		},
		{
			name: "container-start", weak: true,
			pattern: `(?:OCI runtime create failed|failed to create containerd task|RunContainerError|StartError|CreateContainerError|CreateContainerConfigError)[^:]*: (.+)`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				return "the runtime cannot start the container of " + m.component + ": " + last(m.group[1]), "look at the words above: they are runc's"
			},
		},
		{
			name: "sandbox-failed", weak: true,
			pattern: `(?:FailedCreatePodSandBox|[Ff]ailed to create (?:pod )?sandbox|CreatePodSandboxError|failed to setup network for sandbox "[^"]*")[^:]*: (.+)`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				return "the runtime cannot make the pod of " + m.component + ": " + last(m.group[1]), "look at the words above: they are the runtime's or a CNI plugin's"
			},
		},
		{
			name: "probe-failed", weak: true,
			pattern: `(Liveness|Startup) probe failed|failed (liveness|startup) probe, will be restarted`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				probe := strings.ToLower(cmp.Or(m.group[1], m.group[2]))
				return m.component + " runs but does not answer its " + probe + " probe, so the kubelet starts it again",
					"see its own words; on a slow disk or an overloaded machine it may only need longer"
			},
		},
	}
}

func unschedulable(_ evidence.Evidence, m match) (string, string) {
	why := "no node takes the pod: " + m.group[1]
	switch {
	case strings.Contains(m.group[1], "node-role.kubernetes.io/control-plane"):
		return why, "run `keelway up` without --keep-taint, or join a worker"
	case strings.Contains(m.group[1], "node.kubernetes.io/not-ready"):
		return why, "the node is not ready: look at the kubelet and the pod network (`keelway status`)"
	case strings.Contains(m.group[1], "Insufficient"):
		return why, "give the machine more processors or memory, or remove pods"
	}
	return why, "look at the node's taints and room with `keelway kubectl describe node`"
}

// last keeps the end of a chain of "this failed: that failed: why", which is
// the part that says why.
func last(words string) string {
	const most = 240
	if len(words) <= most {
		return words
	}
	cut := words[len(words)-most:]
	if _, after, ok := strings.Cut(cut, ": "); ok {
		cut = after
	}
	return "…" + cut
}
