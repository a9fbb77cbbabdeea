package plan

import (
	"fmt"
	"slices"

	"keelway.dev/keelway/internal/desired"
)

// Empty is true when there is nothing to do on any host.
func (f Fleet) Empty() bool { return len(f.Stages) == 0 && len(f.Refusals) == 0 }

// Steps counts all steps.
func (f Fleet) Steps() int {
	n := 0
	f.each(func(HostPlan, Step) { n++ })
	return n
}

// Installing are the hosts with a step that takes a program or images out of
// the bundle.
func (f Fleet) Installing() map[string]bool {
	list := map[string]bool{}
	f.each(func(h HostPlan, s Step) {
		if len(s.Resource.Images) > 0 || slices.ContainsFunc(s.Resource.Files, func(one desired.File) bool { return one.Binary != "" }) {
			list[h.Host] = true
		}
	})
	return list
}

// Changes counts the steps that change something: a wait is for a component that
// does not answer at the moment.
func (f Fleet) Changes() int {
	n := 0
	f.each(func(_ HostPlan, s Step) {
		if s.Change != Wait {
			n++
		}
	})
	return n
}

// Waits says of each component that does not answer what is waited for.
func (f Fleet) Waits() []string {
	var words []string
	f.each(func(h HostPlan, s Step) {
		if s.Change == Wait {
			words = append(words, fmt.Sprintf("%s: %s: %s", h.Host, s.Resource.What, s.Reason))
		}
	})
	return words
}

// First says of the first steps, at most n, on which host they are and why.
func (f Fleet) First(n int) []string {
	var words []string
	f.each(func(h HostPlan, s Step) {
		if len(words) < n {
			words = append(words, fmt.Sprintf("%s: %s, because %s", h.Host, s.ID(), s.Reason))
		}
	})
	return words
}

// Founds tells whether a host is still to make something that belongs to all of
// the cluster.
func (f Fleet) Founds(host string) bool {
	founds := false
	f.each(func(h HostPlan, s Step) {
		founds = founds || h.Host == host && s.Resource.Phase == desired.Addons && s.Change == Create
	})
	return founds
}

func (f Fleet) each(do func(HostPlan, Step)) {
	for _, s := range f.Stages {
		for _, h := range s.Hosts {
			for _, one := range h.Plan.Steps {
				do(h, one)
			}
		}
	}
}
