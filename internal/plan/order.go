package plan

import "keelway.dev/keelway/internal/desired"

// order knows which resources each resource stands on.
type order struct {
	after map[string][]string
}

func newOrder(resources []desired.Resource) order {
	o := order{after: map[string][]string{}}
	previous := ""
	for _, r := range resources {
		switch {
		case r.After != nil:
			o.after[r.ID] = r.After
		case previous != "":
			o.after[r.ID] = []string{previous}
		}
		previous = r.ID
	}
	return o
}

// link fills in Needs. A resource that is already true stands for whatever it
// stands on itself, so that the order holds across what needs no step.
func (o order) link(steps []Step) {
	planned := map[string]bool{}
	for _, s := range steps {
		planned[s.ID()] = true
	}
	memo := map[string][]string{}
	var needs func(id string) []string
	needs = func(id string) []string {
		if n, ok := memo[id]; ok {
			return n
		}
		memo[id] = nil
		var out []string
		have := map[string]bool{}
		add := func(ids ...string) {
			for _, x := range ids {
				if !have[x] {
					have[x] = true
					out = append(out, x)
				}
			}
		}
		for _, before := range o.after[id] {
			if planned[before] {
				add(before)
			} else {
				add(needs(before)...)
			}
		}
		memo[id] = out
		return out
	}
	for i := range steps {
		steps[i].Needs = needs(steps[i].ID())
	}
}
