package plan

import (
	"fmt"
	"strings"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observed"
)

// containerdPaths stay when others have containers in the same runtime.
func containerdPaths() []string {
	return []string{"/var/lib/containerd", "/run/containerd", "/opt/containerd", "/etc/containerd", "/usr/local/bin/containerd",
		"/usr/local/bin/containerd-shim-runc-v2", "/usr/local/sbin/runc", "/usr/lib/systemd/system/containerd.service"}
}

// MakeRemoval decides what has to go, in the order in which it can: first what
// restarts other things, then what runs, then what holds files open, then files.
func MakeRemoval(host string, left observed.Residue) Plan {
	var p Plan
	keepRuntime := len(left.OtherNamespaces) > 0
	if keepRuntime {
		p.Notes = append(p.Notes, fmt.Sprintf("containerd stays: the namespaces %s hold containers or images of others", strings.Join(left.OtherNamespaces, ", ")))
		left.Runtime, left.Daemon = false, false
		left.Paths = except(left.Paths, containerdPaths())
		left.Restore = except(left.Restore, containerdPaths())
		left.Mounts = except(left.Mounts, []string{"/run/containerd", "/var/lib/containerd"})
	}
	add := func(name string, kind desired.ResidueKind, targets []string, what, why string) {
		if len(targets) == 0 {
			return
		}
		r := desired.Resource{ID: "down/" + name, Phase: "down", What: what, Why: why, Residue: &desired.Residue{Kind: kind, Targets: targets}}
		s := Step{Host: host, Change: Remove, Reason: summary(targets), Resource: r}
		if n := len(p.Steps); n > 0 {
			s.Needs = []string{p.Steps[n-1].ID()}
		}
		p.Steps = append(p.Steps, s)
	}
	add("services", desired.ResidueServices, left.Services, "stop the kubelet and the approver",
		"The kubelet would start every pod again that is stopped while it runs.")
	add("pods", desired.ResiduePods, left.Pods, "stop every pod",
		"The runtime stops containers, takes their addresses back and removes their network namespaces.")
	if left.Runtime {
		add("runtime", desired.ResidueServices, []string{desired.RuntimeService}, "stop the container runtime",
			"Its files can only be removed when nothing writes them any more.")
	}
	add("mounts", desired.ResidueMounts, left.Mounts, "unmount what pods had mounted",
		"Removing files must never reach into a volume.")
	add("links", desired.ResidueLinks, left.Links, "remove the pod network's links",
		"The bridge and the VXLAN link carry the routes to the pods.")
	add("tables", desired.ResidueTables, left.Tables, "remove the nftables tables of kube-proxy and flannel",
		"They would go on sending Service addresses to pods that are gone.")
	add("cgroups", desired.ResidueCgroups, left.Cgroups, "remove the pods' cgroups",
		"The kubelet made them and nothing else uses them.")
	add("sysctls", desired.ResidueSysctls, left.Sysctls, "give back the kernel settings",
		"They are set to what they were before the first `keelway up`.")
	if left.Daemon {
		add("supervisor", desired.ResidueDaemon, []string{"supervisor"}, "end the built-in supervisor",
			"No service is left for it to keep.")
	}
	add("restore", desired.ResidueRestore, left.Restore, "give back files that had been replaced",
		"They were copied before they were first replaced.")
	add("paths", desired.ResiduePaths, left.Paths, "remove the files that were made",
		"Keelway wrote them, or a component did while it ran.")
	add("folders", desired.ResidueEmpty, left.Empty, "remove the folders that were made and are empty",
		"A folder that holds a file of somebody else stays.")
	return p
}

func summary(targets []string) string {
	if len(targets) > 4 {
		return fmt.Sprintf("%s and %d more", strings.Join(targets[:4], ", "), len(targets)-4)
	}
	return strings.Join(targets, ", ")
}

// except leaves out the paths that are one of, or lie below one of, others.
func except(paths, others []string) []string {
	var kept []string
	for _, p := range paths {
		below := false
		for _, o := range others {
			below = below || p == o || strings.HasPrefix(p, o+"/")
		}
		if !below {
			kept = append(kept, p)
		}
	}
	return kept
}
