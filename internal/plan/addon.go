package plan

import (
	"fmt"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/cluster/addon"
	"keelway.dev/keelway/internal/desired"
)

// AddonPhase is the phase of the steps that apply and prune what the owner adds.
const AddonPhase = "addons"

// AddonStep is one step on the objects that the owner adds to the cluster.
type AddonStep struct {
	Step
	// Apply are the objects that are not as wanted yet, in order; Remove those
	// that nothing names any more.
	Apply  []addon.Object
	Remove []addon.Ref
	// Establish is true where the kinds that were applied must be served before
	// anything goes on.
	Establish bool
}

// Addons decides what is left to do for objects that were read and completed:
// namespaces, then kinds, then what each source has, then what may stand in the
// way of others. What was applied and is named no more goes at last. host is
// the machine that it goes through.
func Addons(host string, wanted []addon.Object, seen addon.Seen) []AddonStep {
	var steps []AddonStep
	add := func(name, what, why string, establish bool, belongs func(addon.Object) bool) {
		s := AddonStep{Establish: establish}
		var reasons []string
		s.Change = Create
		for _, o := range wanted {
			state := seen.States[o.Ref()]
			if !belongs(o) || state.Change == "" {
				continue
			}
			if state.Exists {
				s.Change = Update
			}
			s.Apply = append(s.Apply, o)
			reasons = append(reasons, o.Ref().String()+" "+state.Change)
		}
		if len(s.Apply) > 0 {
			steps = append(steps, s.complete(host, name, fmt.Sprintf(what, objectCount(len(s.Apply))), why, reasons))
		}
	}
	early := func(o addon.Object) bool { return o.GetKind() == addon.Namespace || o.GetKind() == addon.Definition }
	add("namespaces", "apply %s that the addons are in", "An object can only be made in a namespace that is there.", false,
		func(o addon.Object) bool { return o.GetKind() == addon.Namespace })
	add("definitions", "apply %s that define kinds, and wait until the API serves these", "An object can only be made of a kind that the API knows.", true,
		func(o addon.Object) bool { return o.GetKind() == addon.Definition })
	for _, source := range sources(wanted) {
		add(strings.Trim(source, "/"), "apply %s of "+strings.ReplaceAll(source, "%", "%%"), "The cluster file names them.", false,
			func(o addon.Object) bool { return o.Source == source && !early(o) && !o.Ref().Gate() })
	}
	add("gates", "apply %s that the API asks about other objects", "They come last: what they call must run, or the API refuses what comes after them.", false,
		func(o addon.Object) bool { return o.Ref().Gate() })
	if gone := abandoned(wanted, seen); len(gone) > 0 {
		s := AddonStep{Remove: gone}
		s.Change = Remove
		var reasons []string
		for _, r := range gone {
			reason := r.String()
			if r.Kind == addon.Namespace || r.Kind == addon.Definition {
				reason += " with all objects in it"
			}
			reasons = append(reasons, reason)
		}
		steps = append(steps, s.complete(host, "prune", "remove "+objectCount(len(gone))+" that the cluster file names no more",
			"They were applied from it, and nothing else keeps them.", reasons))
	}
	for i := 1; i < len(steps); i++ {
		steps[i].Needs = []string{steps[i-1].ID()}
	}
	return steps
}

func (s AddonStep) complete(host, name, what, why string, reasons []string) AddonStep {
	s.Host, s.Reason = host, summary(reasons)
	s.Resource = desired.Resource{ID: AddonPhase + "/" + name, Phase: AddonPhase, Component: "addon", What: what, Why: why}
	return s
}

func objectCount(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

// sources are in the order of the cluster file.
func sources(objects []addon.Object) []string {
	var names []string
	for _, o := range objects {
		if !slices.Contains(names, o.Source) {
			names = append(names, o.Source)
		}
	}
	return names
}

// abandoned are the objects to prune, what stands on others first.
func abandoned(wanted []addon.Object, seen addon.Seen) []addon.Ref {
	var gone []addon.Ref
	for _, r := range seen.Remembered {
		if !r.Protected() && !slices.ContainsFunc(wanted, func(o addon.Object) bool { return o.Ref().Same(r) }) {
			gone = append(gone, r)
		}
	}
	addon.SortPrune(gone)
	return gone
}

// OwnAddons refuses what an owner's manifest may not say: objects that Keelway
// itself keeps as it wants them. own are their names.
func OwnAddons(wanted []addon.Object, own func(addon.Ref) bool) []string {
	var refusals []string
	for _, o := range wanted {
		if own(o.Ref()) {
			refusals = append(refusals, fmt.Sprintf("%s at %s is Keelway's own, and the two would take turns at changing it: take it out of the addons; spec.patches, or the fields of its component, change what Keelway writes", o.Ref(), o.At))
		}
	}
	return refusals
}

// Changing are the hosts on which something is changed, and not only waited for.
func (f Fleet) Changing() map[string]bool {
	hosts := map[string]bool{}
	f.each(func(h HostPlan, s Step) {
		if s.Change != Wait && s.Resource.Phase != AddonPhase {
			hosts[h.Host] = true
		}
	})
	return hosts
}
