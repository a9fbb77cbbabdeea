package plan

import (
	"fmt"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/desired"
)

// Part is what a host is in the order of a fleet.
type Part string

// The parts, in the order in which they are begun.
const (
	// Balancer is a load balancer and no node.
	Balancer Part = "load balancer"
	// Founder is the first member of an etcd on hosts of its own, and Member one
	// more of it.
	Founder Part = "first etcd member"
	Member  Part = "etcd member"
	// First makes the cluster, and holds what belongs to all of it.
	First Part = "first control plane"
	// Control is one more control plane, Node a worker.
	Control Part = "control plane"
	Node    Part = "worker"
)

// HostPlan is what is left to do on one host.
type HostPlan struct {
	Host string
	Part Part
	Plan Plan
	// Prepare are the IDs of the steps that touch no cluster.
	Prepare map[string]bool
	// Serving is true of a control plane that serves the API now, or a host of
	// etcd alone whose member is ready; Running of one that does not serve the API
	// and whose member is ready all the same; and Voting of one whose member has a
	// vote.
	Serving, Running, Voting bool
	// Together is true of a control plane whose etcd begins with that of others.
	Together bool
	// Unreachable says why nothing is known of the host; "" when it was seen.
	Unreachable string
}

// Stage is steps of hosts that may be done together.
type Stage struct {
	Name  string
	Hosts []HostPlan
	// Serial hosts are done one after the other, and the first that fails ends it.
	Serial bool
}

// Fleet is the plan of a whole cluster.
type Fleet struct {
	Stages []Stage
	// Refusals are what no step may be taken against, with the rule.
	Refusals []string
	// Notes are differences that need no step.
	Notes []string
}

// ClusterStage has the addons of a cluster that serves: they change no host.
const ClusterStage = "cluster objects"

// Order puts the steps of all hosts into stages: load balancers, by which the
// first control plane's own pods reach the API; what touches no cluster on all
// hosts at once, then etcd's own hosts and control planes one at a time, but for
// those that make a new cluster together, then workers side by side, and beside
// them what all hosts have in common. It refuses to touch a host while etcd would
// lose its majority by it.
func Order(hosts []HostPlan) Fleet {
	var f Fleet
	balancers := Stage{Name: "load balancers"}
	prepare := Stage{Name: "prepare"}
	members := Stage{Name: "etcd members", Serial: true}
	control := Stage{Name: "control planes"}
	common, workers := Stage{Name: ClusterStage}, Stage{Name: "workers"}
	own := slices.ContainsFunc(hosts, HostPlan.etcdAlone)
	for _, h := range hosts {
		for _, r := range h.Plan.Refusals {
			f.Refusals = append(f.Refusals, h.Host+": "+r)
		}
		for _, n := range h.Plan.Notes {
			f.Notes = append(f.Notes, h.Host+": "+n)
		}
		if h.Unreachable != "" {
			f.unreachable(h)
			continue
		}
		early, late := split(h, own)
		if len(early.Plan.Steps) > 0 {
			prepare.Hosts = append(prepare.Hosts, early)
		}
		switch {
		case len(late.Plan.Steps) == 0:
		case h.Part == Balancer:
			balancers.Hosts = append(balancers.Hosts, late)
		case h.etcdAlone():
			members.Hosts = append(members.Hosts, late)
		case h.Part == Node:
			workers.Hosts = append(workers.Hosts, late)
		case h.Part == First && h.Serving && !slices.ContainsFunc(late.Plan.Steps, func(s Step) bool { return s.Resource.Phase != desired.Addons }):
			common.Hosts = append(common.Hosts, late)
		default:
			control.Hosts = append(control.Hosts, late)
		}
	}
	// Who makes the cluster, or holds what belongs to all, goes first; those that
	// do not serve yet are mended before one that does is touched.
	byRank := func(a, b HostPlan) int { return rank(a) - rank(b) }
	slices.SortStableFunc(members.Hosts, byRank)
	slices.SortStableFunc(control.Hosts, byRank)
	control.Serial = slices.ContainsFunc(control.Hosts, func(h HostPlan) bool { return !h.Together })
	f.quorum(hosts, slices.Concat(members.Hosts, control.Hosts))
	for _, s := range []Stage{balancers, prepare, members, control, common, workers} {
		if len(s.Hosts) > 0 {
			f.Stages = append(f.Stages, s)
		}
	}
	return f
}

func (h HostPlan) etcdAlone() bool { return h.Part == Founder || h.Part == Member }

func rank(h HostPlan) int {
	lead := h.Part == First || h.Part == Founder
	switch {
	case lead && !h.Serving:
		return 0
	case !h.Serving:
		return 1
	case lead:
		return 2
	}
	return 3
}

// unreachable control planes stop everything, workers only themselves.
func (f *Fleet) unreachable(h HostPlan) {
	if h.Part == Node || h.Part == Balancer {
		f.Notes = append(f.Notes, fmt.Sprintf("%s is left out: %s", h.Host, h.Unreachable))
		return
	}
	if h.etcdAlone() {
		f.Refusals = append(f.Refusals, fmt.Sprintf("%s cannot be reached, and nothing is changed over an etcd of which a member's state is unknown: %s; bring it back, or take it out of the file to have it removed", h.Host, h.Unreachable))
		return
	}
	f.Refusals = append(f.Refusals, fmt.Sprintf("%s cannot be reached, and no control plane is changed while another's state is unknown: %s; bring it back, or take it out of the file to have it removed", h.Host, h.Unreachable))
}

// split takes the steps that touch no cluster from the others. The first control
// plane is made at once, unless it waits for an etcd on hosts of its own.
func split(h HostPlan, waits bool) (early, late HostPlan) {
	early, late = h, h
	early.Plan.Steps, late.Plan.Steps = nil, nil
	for _, s := range h.Plan.Steps {
		if (h.Part != First || waits) && h.Prepare[s.ID()] {
			early.Plan.Steps = append(early.Plan.Steps, s)
		} else {
			late.Plan.Steps = append(late.Plan.Steps, s)
		}
	}
	return early, late
}

// quorum is the rule of etcd: of n members with a vote, a majority must run.
// Touching one takes it away for a moment.
func (f *Fleet) quorum(hosts, touched []HostPlan) {
	var voting, down []string
	for _, h := range hosts {
		if h.Part == Node || h.Part == Balancer {
			continue
		}
		if h.Voting {
			voting = append(voting, h.Host)
			if !h.up() {
				down = append(down, h.Host)
			}
		}
	}
	for _, h := range touched {
		if !h.Voting || !h.up() || !disturbs(h) {
			continue
		}
		left := len(voting) - len(down) - 1
		if len(voting) > 1 && left < Majority(len(voting)) && len(down) > 0 {
			f.Refusals = append(f.Refusals, fmt.Sprintf("%s is not touched: etcd has %d members, %s is down, and without %s too there would be no majority (rule: quorum)",
				h.Host, len(voting), strings.Join(down, ", "), h.Host))
		}
	}
}

// up tells whether the host's etcd member runs.
func (h HostPlan) up() bool { return h.Serving || h.Running }

// disturbs tells whether steps take the host's etcd member away for a moment.
func disturbs(h HostPlan) bool {
	return slices.ContainsFunc(h.Plan.Steps, func(s Step) bool {
		switch s.Resource.Component {
		case "etcd":
			return s.Change != Wait
		case "kubelet", "containerd":
			return s.Resource.Service != nil
		}
		return false
	})
}

// Majority is how many of n members must agree.
func Majority(n int) int { return n/2 + 1 }
