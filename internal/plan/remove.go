package plan

import (
	"fmt"
	"strings"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observed"
)

// containerdPaths stay when others have containers in the same runtime; so does
// what keeps the runtime running where no init system does.
func containerdPaths() []string {
	return []string{"/var/lib/containerd", "/run/containerd", "/opt/containerd", "/etc/containerd", "/usr/local/bin/containerd",
		"/usr/local/bin/containerd-shim-runc-v2", "/usr/local/sbin/runc", "/usr/lib/systemd/system/containerd.service",
		desired.SelfPath, "/run/keelway", "/var/log/keelway"}
}

// MakeRemoval decides what has to go, in the order in which it can. As long as
// anything runs, that is all the plan ends: what it leaves behind, and what it
// made while it was being ended, is seen by the next look.
func MakeRemoval(host string, left observed.Residue) Plan {
	var p Plan
	keepRuntime := len(left.OtherNamespaces) > 0
	if keepRuntime {
		p.Notes = append(p.Notes, fmt.Sprintf("containerd stays: the namespaces %s hold containers or images of others", strings.Join(left.OtherNamespaces, ", ")))
		left.Runtime, left.Daemon = false, false
		left.Paths = except(left.Paths, containerdPaths())
		left.Restore = except(left.Restore, containerdPaths())
		// containerd ends when the folder of network configurations goes.
		left.Empty = except(left.Empty, append(containerdPaths(), "/etc/cni"))
		left.Mounts = except(left.Mounts, []string{"/run/containerd", "/var/lib/containerd"})
	}
	if end := endRunning(host, left); len(end.Steps) > 0 {
		p.Steps = end.Steps
		return p
	}
	p.Steps = removeLeft(host, left).Steps
	return p
}

// endRunning ends what runs: first what restarts other things.
func endRunning(host string, left observed.Residue) (p removal) {
	p.host, p.phase = host, "down"
	p.add("services", desired.ResidueServices, left.Services, "stop the kubelet and the approver",
		"The kubelet would start every pod again that is stopped while it runs.")
	if len(left.Services) > 0 && left.Runtime && len(left.Pods) == 0 {
		// The kubelet may have asked for pods that the runtime does not list yet.
		left.Pods = []string{"those being started"}
	}
	p.add("pods", desired.ResiduePods, left.Pods, "stop every pod",
		"The runtime stops containers, takes their addresses back and removes their network namespaces.")
	if left.Runtime {
		p.add("runtime", desired.ResidueServices, []string{desired.RuntimeService}, "stop the container runtime",
			"Its files can only be removed when nothing writes them any more.")
	}
	if len(p.Steps) == 0 {
		p.add("processes", desired.ResidueProcess, left.Processes, "end what pods left running",
			"A pod that was being started when the runtime ended is known to no one else.")
	}
	return p
}

// removeLeft removes what was left by what ran: first what holds files open,
// then files.
func removeLeft(host string, left observed.Residue) (p removal) {
	p.host, p.phase = host, "down"
	p.add("mounts", desired.ResidueMounts, left.Mounts, "unmount what pods had mounted",
		"Removing files must never reach into a volume.")
	p.add("links", desired.ResidueLinks, left.Links, "remove the pod network's links",
		"The bridge and the VXLAN link carry the routes to the pods.")
	p.add("chains", desired.ResidueChains, left.Chains, "remove the kubelet's chains from iptables",
		"It makes them at every start, for components that use iptables; nothing looks at them any more.")
	p.add("tables", desired.ResidueTables, left.Tables, "remove the nftables tables of kube-proxy and flannel",
		"They would go on sending Service addresses to pods that are gone.")
	p.add("cgroups", desired.ResidueCgroups, left.Cgroups, "remove the pods' cgroups",
		"The kubelet made them and nothing else uses them.")
	p.add("sysctls", desired.ResidueSysctls, left.Sysctls, "give back the kernel settings",
		"They are set to what they were before the first `keelway up`.")
	if left.Daemon {
		p.add("supervisor", desired.ResidueDaemon, []string{"supervisor"}, "end the built-in supervisor",
			"No service is left for it to keep.")
	}
	p.add("restore", desired.ResidueRestore, left.Restore, "give back files that had been replaced",
		"They were copied before they were first replaced.")
	p.add("paths", desired.ResiduePaths, left.Paths, "remove the files that were made",
		"Keelway wrote them, or a component did while it ran.")
	p.add("folders", desired.ResidueEmpty, left.Empty, "remove the folders that were made and are empty",
		"A folder that holds a file of somebody else stays.")
	return p
}

// removal is a plan in the making, one step after the other.
type removal struct {
	Plan
	host, phase string
}

func (p *removal) add(name string, kind desired.ResidueKind, targets []string, what, why string) {
	if len(targets) == 0 {
		return
	}
	p.then(desired.Resource{ID: p.phase + "/" + name, Phase: p.phase, What: what, Why: why, Residue: &desired.Residue{Kind: kind, Targets: targets}}, summary(targets))
}

// then adds a step that waits for the one before it.
func (p *removal) then(r desired.Resource, reason string) {
	s := Step{Host: p.host, Change: Remove, Reason: reason, Resource: r}
	if n := len(p.Steps); n > 0 {
		s.Needs = []string{p.Steps[n-1].ID()}
	}
	p.Steps = append(p.Steps, s)
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
