package plan

import (
	"fmt"
	"path"
	"strings"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/phase"
	"keelway.dev/keelway/internal/observed"
)

// The phases of `reset`, by kubeadm's names.
const (
	phaseMember  = "remove-etcd-member"
	phaseCleanup = "cleanup-node"
)

// MakeReset decides what goes when a host leaves its cluster: the runtime and
// the installed programs stay. As in MakeRemoval, as long as anything runs,
// the plan ends that only; what it leaves is seen by the next look.
func MakeReset(host string, seen observed.Reset, l Leaving, run phase.Selection) Plan {
	p := removal{host: host}
	member, cleanup := run.Has(phaseMember), run.Has(phaseCleanup)
	if member {
		p.Notes, p.Refusals = l.Notes, l.Refusals
		if len(p.Refusals) > 0 {
			return p.Plan
		}
		p.leave(seen.Etcd, l)
	}
	if p.phase = phaseCleanup; cleanup {
		p.add("services", desired.ResidueServices, seen.Services, "stop the kubelet",
			"It would start every pod again that is stopped while it runs.")
		p.add("pods", desired.ResiduePods, short(seen.Pods), "stop every pod",
			"The runtime stops containers, takes their addresses back and removes their network namespaces.")
		p.add("processes", desired.ResidueProcess, seen.Processes, "end what pods left running",
			"The runtime does not answer, and nobody else could stop them.")
	} else if p.phase = phaseMember; member && l.Wipe && seen.Etcd.Running {
		p.add("pod", desired.ResidueStatic, []string{seen.Etcd.Manifest}, "stop etcd's pod",
			"Its data can only be removed when nothing writes it any more.")
	}
	if len(p.Steps) > 0 {
		return p.Plan
	}
	if p.phase = phaseMember; member && l.Wipe {
		p.add("data", desired.ResiduePaths, seen.Etcd.Data, "remove etcd's data",
			"A new member starts with an empty folder only.")
	}
	if cleanup {
		p.clean(seen)
	}
	return p.Plan
}

// leave removes the member and marks its data, before anything is stopped.
func (p *removal) leave(e observed.Etcd, l Leaving) {
	if !l.Release || e.Released {
		return
	}
	p.phase = phaseMember
	r := desired.Resource{
		ID: phaseMember + "/member", Phase: phaseMember, What: "give up etcd's data",
		Why:   "It is marked, so that a run that is interrupted knows later that it may go.",
		Leave: &desired.Leave{Certs: e.Certs, Mark: path.Join(e.Dir, desired.ReleaseMark)},
	}
	reason := e.Dir + " is no member's any more"
	if l.Last {
		reason = e.Dir + " is the last copy of the cluster's data"
	}
	if l.Member != 0 {
		r.Leave.Member, r.Leave.Through = l.Member, l.Through
		r.What, r.Why = "take this machine's etcd member out of its cluster", "The others would count on a member that does not answer, and lose their quorum the sooner."
		reason = fmt.Sprintf("it is %s (%x), and %s answers", e.Name, l.Member, strings.Join(l.Through, ", "))
	}
	p.then(r, reason)
}

// short are IDs as crictl shows them.
func short(ids []string) []string {
	var all []string
	for _, id := range ids {
		all = append(all, id[:min(len(id), 13)])
	}
	return all
}

// clean removes what was left by what ran.
func (p *removal) clean(seen observed.Reset) {
	p.phase = phaseCleanup
	p.add("mounts", desired.ResidueMounts, seen.Mounts, "unmount what pods had mounted",
		"Removing files must never reach into a volume.")
	p.add("links", desired.ResidueLinks, seen.Links, "remove the links of the pod network and kube-proxy",
		"They carry routes and addresses of pods and Services that are gone.")
	p.add("tables", desired.ResidueTables, seen.Tables, "remove the nftables tables of kube-proxy and flannel",
		"They would go on sending Service addresses to pods that are gone.")
	p.add("rules", desired.ResidueRules, seen.Rules, "remove the iptables chains of kube-proxy, the kubelet and flannel",
		"They would go on sending Service addresses to pods that are gone.")
	p.add("cgroups", desired.ResidueCgroups, seen.Cgroups, "remove the pods' cgroups",
		"The kubelet made them and nothing else uses them.")
	p.add("paths", desired.ResiduePaths, seen.Paths, "remove static pods, certificates, kubeconfigs and the kubelet's state",
		"The next cluster makes its own, and refuses those of another.")
	p.add("folders", desired.ResidueEmpty, seen.Empty, "remove the folders that were made for pods' volumes and are empty",
		"They were not there before the first cluster, and a folder of kernel modules without modules misleads others.")
}
