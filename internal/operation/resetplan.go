package operation

import (
	"context"
	"slices"

	"keelway.dev/keelway/internal/plan"
)

// decideReset looks at the machine again; who etcd's members are was asked
// before anything was stopped.
func (m *Machine) decideReset(ctx context.Context, in *resetInput) (plan.Plan, error) {
	seen, err := m.Observer.Reset(ctx, m.Prior.Record(), in.wish)
	if err != nil {
		return plan.Plan{}, err
	}
	now, err := m.Observer.EtcdHere(ctx, in.wish.Socket)
	if err != nil {
		return plan.Plan{}, err
	}
	if now.Dir != in.etcd.Dir { // its static pod, which named another folder, is gone
		now.Dir, now.Data = in.etcd.Dir, nil
	}
	seen.Etcd = in.etcd
	seen.Etcd.Running, seen.Etcd.Released, seen.Etcd.Data = now.Running, now.Released, now.Data
	return plan.MakeReset(m.Host.Name(), seen, in.leave, in.run), nil
}

// resetPlan is what would be done: what ends first, and what is seen to go
// already.
func (m *Machine) resetPlan(ctx context.Context, in *resetInput) (*plan.Plan, error) {
	p, err := m.decideReset(ctx, in)
	if err != nil {
		return nil, err
	}
	seen, err := m.Observer.Reset(ctx, m.Prior.Record(), in.wish)
	if err != nil {
		return nil, err
	}
	seen.Services, seen.Pods, seen.Processes = nil, nil, nil
	seen.Etcd = in.etcd
	seen.Etcd.Running, seen.Etcd.Released = false, true
	later := plan.MakeReset(m.Host.Name(), seen, in.leave, in.run)
	for _, s := range later.Steps {
		if !slices.ContainsFunc(p.Steps, func(have plan.Step) bool { return have.ID() == s.ID() }) {
			p.Steps = append(p.Steps, s)
		}
	}
	return &p, nil
}

// umountFlags are kubeadm's flags of the system call in umount's words.
func umountFlags(names []string) []string {
	words := map[string]string{"MNT_FORCE": "-f", "MNT_DETACH": "-l", "UMOUNT_NOFOLLOW": "-c"}
	var flags []string
	for _, n := range names {
		if w := words[n]; w != "" {
			flags = append(flags, w)
		}
	}
	return flags
}

// PlanText is a plan of removal in words, one step a line.
func PlanText(p plan.Plan) []string {
	var lines []string
	for _, s := range p.Steps {
		lines = append(lines, "would "+s.Resource.What+": "+s.Reason)
		for _, f := range s.Paths() {
			lines = append(lines, "  "+f)
		}
	}
	return lines
}
