package plan

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/observed"
)

// Consent is what the user agreed to.
type Consent struct {
	// Force is --force; Asked is true when a person at a terminal said yes.
	Force, Asked bool
}

// Leaving is the decision about a host's etcd member and its data.
type Leaving struct {
	// Member is removed from the cluster through the endpoints of others; 0 for none.
	Member  uint64
	Through []string
	// Release is true when the data is to be marked as given up, Wipe when it is
	// to be removed.
	Release, Wipe bool
	// Last is true of the last copy of the cluster's data.
	Last bool
	// Refusals say why the host cannot leave; Notes what the user should know;
	// Remaining what has to be done elsewhere, as commands.
	Refusals, Notes, Remaining []string
}

// LeaveEtcd decides how a host's etcd member leaves its cluster, and whether
// its data may be removed:
//
//   - An etcd that is not this host's static pod is left alone.
//   - With other voters, the member is removed through them first, and only
//     when those that are left have a quorum. --force does not change that.
//   - The last voter's data is the last copy: it goes with --force, or when a
//     person agreed.
//   - When nobody says who the members are, it goes with --force only, or when
//     it was given up before. A mark does not count while the member is one: the
//     run that made it was interrupted at once, and the cluster lives on.
func LeaveEtcd(e observed.Etcd, c Consent) Leaving {
	switch {
	case len(e.External) > 0:
		return Leaving{Notes: []string{fmt.Sprintf("the etcd at %s is not this machine's static pod: it and its data stay", strings.Join(e.External, ", "))}}
	case e.Released && !e.Known:
		return Leaving{Wipe: true}
	case e.Manifest == "":
		return Leaving{}
	case !e.Known:
		return leaveUnknown(e, c)
	}
	own, others := ownAndOthers(e)
	voters, alive := 0, 0
	var through, silent []string
	for _, m := range others {
		if m.Learner {
			continue
		}
		voters++
		if m.Alive {
			alive++
			through = append(through, m.ClientURL)
		} else {
			silent = append(silent, fmt.Sprintf("%s (%x)", m.Name, m.ID))
		}
	}
	switch {
	case own == nil:
		return Leaving{Release: true, Wipe: true, Notes: []string{"this machine's etcd member has left its cluster already"}}
	case voters == 0 && !own.Learner:
		return leaveLast(e, c, others)
	case alive == 0 || !own.Learner && alive < Majority(voters):
		return Leaving{Refusals: []string{fmt.Sprintf(
			"without the etcd member %s, %d of %d members would answer, and %d are needed: the cluster would stand still. Start %s first, or remove it if it will not come back: %s",
			e.Name, alive, voters, Majority(voters), strings.Join(silent, ", "), removeCommand(e, e.ClientURL))}}
	}
	return Leaving{Member: own.ID, Through: through, Release: true, Wipe: true}
}

// leaveLast is for the only member with a vote.
func leaveLast(e observed.Etcd, c Consent, learners []observed.EtcdMember) Leaving {
	l := Leaving{Last: true}
	if !c.Force && !c.Asked {
		earlier := ""
		if e.Released {
			earlier = " (a run that was interrupted had given it up, but etcd answers, and the cluster lives on)"
		}
		l.Refusals = []string{fmt.Sprintf("%s holds the only copy of the cluster's data%s: add --force to delete it, after a snapshot if you may want it back: %s", e.Dir, earlier, command(e, e.ClientURL, "snapshot save FILE"))}
		return l
	}
	for _, m := range learners {
		l.Notes = append(l.Notes, fmt.Sprintf("the etcd member %s, which has no vote yet, cannot go on alone: reset its machine as well", m.PeerURL))
	}
	l.Release, l.Wipe = true, true
	return l
}

// leaveUnknown is for a member when nobody says who the others are.
func leaveUnknown(e observed.Etcd, c Consent) Leaving {
	endpoint := "https://ANOTHER-CONTROL-PLANE:2379"
	if i := slices.IndexFunc(e.Asked, func(a string) bool { return a != e.ClientURL }); i >= 0 {
		endpoint = e.Asked[i]
	}
	remaining := []string{"if the cluster has other members, on one of their machines: " + command(e, endpoint, "member list"), removeCommand(e, endpoint)}
	switch {
	case len(e.Data) == 0:
		return Leaving{Remaining: remaining}
	case c.Force:
		return Leaving{Release: true, Wipe: true, Remaining: remaining,
			Notes: []string{"nobody says who etcd's members are (" + e.Why + "): the data goes because of --force, and the member stays in the others' list"}}
	}
	return Leaving{Refusals: []string{fmt.Sprintf(
		"nobody says who etcd's members are (%s), so %s may be the last copy of the cluster's data, and the others would wait for a member that is gone. "+
			"Start etcd here, or the API server of another control plane, and run this again. To delete the data all the same, add --force; then this remains to be done: %s",
		e.Why, e.Dir, strings.Join(remaining, "; "))}}
}

// ownAndOthers finds the host's own member by the address that others call it at.
func ownAndOthers(e observed.Etcd) (own *observed.EtcdMember, others []observed.EtcdMember) {
	for _, m := range e.Members {
		if m.PeerURL == e.PeerURL {
			own = &m
		} else {
			others = append(others, m)
		}
	}
	return own, others
}

func removeCommand(e observed.Etcd, endpoint string) string {
	return command(e, endpoint, "member remove ID")
}

func command(e observed.Etcd, endpoint, what string) string {
	return fmt.Sprintf("etcdctl --endpoints=%s --cacert=%s --cert=%s --key=%s %s", endpoint,
		path.Join(e.Certs, "ca.crt"), path.Join(e.Certs, "healthcheck-client.crt"), path.Join(e.Certs, "healthcheck-client.key"), what)
}
