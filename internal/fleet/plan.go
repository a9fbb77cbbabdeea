package fleet

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/plan"
)

// Plan reads every machine, and says what is left to do on them and in which
// order. It changes nothing.
func (f *Fleet) Plan(ctx context.Context) (plan.Fleet, error) {
	if err := f.desire(ctx); err != nil {
		return plan.Fleet{}, err
	}
	hosts := make([]plan.HostPlan, len(f.nodes))
	g, look := errgroup.WithContext(ctx)
	g.SetLimit(f.limit())
	for i, n := range f.nodes {
		g.Go(func() error {
			hosts[i] = plan.HostPlan{Host: n.name(), Part: n.part, Serving: n.serving, Running: n.running, Prepare: map[string]bool{}, Together: slices.Contains(f.together, n)}
			if n.lost != nil {
				hosts[i].Unreachable = n.lost.Error()
				return nil //nolint:nilerr // the plan says what follows
			}
			for _, r := range n.want.Prepared().Resources {
				hosts[i].Prepare[r.ID] = true
			}
			p, err := n.machine.Plan(look, n.want, n.kit)
			if err != nil && look.Err() == nil {
				n.lost = err
				hosts[i].Unreachable = err.Error()
				return nil
			}
			hosts[i].Plan = p
			// One that is still being added has no vote yet.
			hosts[i].Voting = n.member && !slices.ContainsFunc(p.Steps, func(s plan.Step) bool { return s.Resource.Member != nil })
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return plan.Fleet{}, err
	}
	ordered := plan.Order(hosts)
	if f.broken != "" {
		ordered.Refusals = append(ordered.Refusals, f.broken)
	}
	left, err := f.leftovers(ctx)
	if err != nil {
		return plan.Fleet{}, err
	}
	for _, l := range left {
		ordered.Notes = append(ordered.Notes, l.String())
	}
	steps, refusals, err := f.planAddons(ctx)
	if err != nil {
		return plan.Fleet{}, err
	}
	ordered.Refusals = append(ordered.Refusals, refusals...)
	if len(steps) > 0 {
		ordered.Stages = append(ordered.Stages, f.addonStage(steps))
	}
	ordered.Notes = append(ordered.Notes, f.hookNotes(ordered)...)
	return ordered, nil
}

// anyModel is the configuration that all machines share.
func (f *Fleet) anyModel() *cluster.Model {
	for _, n := range f.nodes {
		if n.model != nil && n.isNode() {
			return n.model
		}
	}
	return &cluster.Model{Cluster: f.documents.Cluster, OwnEtcd: f.File.OwnEtcd()}
}
