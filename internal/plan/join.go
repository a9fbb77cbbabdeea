package plan

import (
	"bytes"
	"fmt"
	"slices"

	"keelway.dev/keelway/internal/desired"
)

// bootstrap writes a kubeconfig with a token while what takes its place is
// missing, and has it removed afterwards.
func (d decider) bootstrap(r desired.Resource) verdict {
	b := *r.Bootstrap
	have, exists := d.seen.Files[b.Path]
	missing := slices.IndexFunc(b.Until, func(p string) bool { _, ok := d.seen.Files[p]; return !ok })
	switch {
	case b.Remove && (exists || d.writes[b.Path]):
		return verdict{change: Remove, reason: b.Path + " holds a token", left: r}
	case b.Remove || missing < 0:
		return verdict{}
	case !exists:
		return verdict{change: Create, reason: b.Until[missing] + " is missing", left: r}
	case !bytes.Equal(have.Content, b.Content) || have.Mode.Perm() != 0o600:
		return verdict{change: Update, reason: b.Path + " has another content", left: r}
	}
	return verdict{}
}

// network goes before the kubelet starts, where it is an earlier cluster's.
func (d decider) network(r desired.Resource) verdict {
	if len(d.seen.Idle) == 0 {
		return verdict{}
	}
	r.Residue = &desired.Residue{Kind: r.Residue.Kind, Targets: d.seen.Idle}
	return verdict{change: Remove, reason: summary(d.seen.Idle) + " is there, and no pod runs", left: r}
}

// member is there when its static pod is and it has a vote.
func (d decider) member(r desired.Resource) verdict {
	m := *r.Member
	if _, ok := d.seen.Files[m.Manifest.Path]; !ok {
		return verdict{change: Create, reason: m.Manifest.Path + " is missing", left: r}
	}
	if a := d.seen.Probes[r.ID]; !a.OK {
		return verdict{change: Update, reason: fmt.Sprintf("the member %s has no vote yet: %s", m.Name, a.Detail), left: r}
	}
	return verdict{}
}
