package fleet

import (
	"context"
	"slices"

	"keelway.dev/keelway/internal/addon"
	added "keelway.dev/keelway/internal/cluster/addon"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/report"
)

// planAddons is what is left to do for what the owner adds. Where there is no
// cluster yet, that is everything; of one that does not answer nothing is known.
func (f *Fleet) planAddons(ctx context.Context) (steps []plan.AddonStep, refusals []string, err error) {
	wanted, seen := f.Addons, added.Seen{States: map[added.Ref]added.State{}}
	if f.seed == nil {
		if slices.ContainsFunc(f.nodes, func(n *node) bool { return n.main() && n.node }) {
			return nil, nil, nil // there is a cluster, and it does not answer
		}
		for _, o := range wanted {
			seen.States[o.Ref()] = added.State{Change: "is missing"}
		}
	} else if wanted, seen, err = f.lookAddons(ctx); err != nil {
		return nil, nil, err
	}
	return plan.Addons(f.first().name(), wanted, seen), plan.OwnAddons(wanted, f.owns()), nil
}

func (f *Fleet) lookAddons(ctx context.Context) ([]added.Object, added.Seen, error) {
	client, err := f.admin().Client(ctx)
	if err != nil {
		return nil, added.Seen{}, err
	}
	c := addon.New(client)
	wanted, err := c.Complete(f.Addons)
	if err != nil {
		return nil, added.Seen{}, err
	}
	seen, err := c.Look(ctx, wanted)
	return wanted, seen, err
}

// owns tells which objects are Keelway's.
func (f *Fleet) owns() func(added.Ref) bool {
	names := map[string]bool{}
	for _, n := range f.nodes {
		for _, r := range n.want.Resources {
			for _, o := range r.Objects {
				if _, m, err := kube.Locate(o.Object); err == nil {
					names[observed.ObjectKey(o.Object.GetObjectKind().GroupVersionKind().Kind, m.GetNamespace(), m.GetName())] = true
				}
			}
		}
	}
	return func(r added.Ref) bool { return names[observed.ObjectKey(r.Kind, r.Namespace, r.Name)] }
}

// addonStage stands at the end of a plan, on the machine that it goes through.
func (f *Fleet) addonStage(steps []plan.AddonStep) plan.Stage {
	h := plan.HostPlan{Host: f.first().name(), Part: f.first().part}
	for _, s := range steps {
		h.Plan.Steps = append(h.Plan.Steps, s.Step)
	}
	return plan.Stage{Name: plan.AddonPhase, Serial: true, Hosts: []plan.HostPlan{h}}
}

// applyAddons applies and prunes. A second look has to find nothing left.
func (f *Fleet) applyAddons(ctx context.Context, r *Result) error {
	if f.seed == nil {
		return nil
	}
	for range 2 {
		wanted, seen, err := f.lookAddons(ctx)
		if err != nil {
			return err
		}
		steps := plan.Addons(f.seed.name(), wanted, seen)
		if len(steps) == 0 {
			return nil
		}
		if err := f.doAddons(ctx, wanted, seen, steps, r); err != nil {
			return err
		}
	}
	wanted, seen, err := f.lookAddons(ctx)
	if err != nil {
		return err
	}
	for _, s := range plan.Addons(f.seed.name(), wanted, seen) {
		f.Events.Emit(report.Event{Time: f.Now(), Kind: report.Warning, Phase: plan.AddonPhase, Step: s.ID(),
			What: "something in the cluster changes back what is applied: " + s.Reason + "; leave that field out of the manifest if it is another's"})
	}
	return nil
}

func (f *Fleet) doAddons(ctx context.Context, wanted []added.Object, seen added.Seen, steps []plan.AddonStep, r *Result) error {
	client, err := f.admin().Client(ctx)
	if err != nil {
		return err
	}
	c := addon.New(client)
	// Both the old and the new, before the first is applied: one that is killed
	// here forgets none.
	var refs []added.Ref
	for _, o := range wanted {
		refs = append(refs, o.Ref())
	}
	for _, old := range seen.Remembered {
		if !slices.ContainsFunc(refs, old.Same) {
			refs = append(refs, old)
		}
	}
	if err := c.Remember(ctx, refs); err != nil {
		return err
	}
	for _, s := range steps {
		err := f.step(s.Host, s.ID(), s.Resource.What, func(say func(string)) error {
			if len(s.Remove) > 0 {
				return c.Prune(ctx, s.Remove, say)
			}
			if err := c.Apply(ctx, s.Apply, say); err != nil || !s.Establish {
				return err
			}
			return c.Establish(ctx, s.Apply, say)
		})
		if err != nil {
			return err
		}
		r.Steps++
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}
