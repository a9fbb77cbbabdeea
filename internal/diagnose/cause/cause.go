// Package cause recognises, in what was said, why a component does not work, and says what to do about it. It is pure.
package cause

import (
	"cmp"
	"regexp"
	"slices"
	"time"

	"keelway.dev/keelway/internal/diagnose/evidence"
	"keelway.dev/keelway/internal/diagnose/state"
)

// Finding is one recognised cause.
type Finding struct {
	// Rule names the rule that recognised it, such as "port-taken".
	Rule string `json:"rule"`
	// Component is whose words gave it away.
	Component string `json:"component"`
	// Line is those words.
	Line string `json:"line"`
	// Cause is what is wrong; Next is what to do.
	Cause string `json:"cause"`
	Next  string `json:"next"`
	// Weak findings point at another component.
	Weak bool `json:"-"`
	// place is the component's among those that need each other.
	place int
}

// rule recognises one cause by a line.
type rule struct {
	name    string
	pattern string
	// of are the components whose lines count; nil is all of them.
	of []string
	// weak rules count only where no other does: their words say that another
	// component is at fault, or are often said before all is well.
	weak bool
	// say turns a match into words; an empty cause means that it is none.
	say func(e evidence.Evidence, m match) (cause, next string)
}

// match is a line that a rule's pattern fits.
type match struct {
	component string
	text      string
	// group are the pattern's groups; group[0] is the whole match.
	group []string
}

// again ends most advice.
const again = ", then run `keelway up` again"

// rules lists all of them; of two that fit, the earlier one is the better.
func rules() []rule {
	return slices.Concat(portRules(), diskRules(), cgroupRules(), kernelRules(), etcdRules(),
		certificateRules(), imageRules(), networkRules(), configRules(), podRules(), reachRules())
}

// old is how long ago a line of a component that runs may have been said to
// count.
const old = 5 * time.Minute

// Find returns what was recognised, the likeliest cause first: what others need
// before what needs it. What components say of each other counts only where
// none says anything of itself.
func Find(e evidence.Evidence) []Finding {
	said := candidates(e)
	var found []Finding
	for _, r := range rules() {
		pattern := regexp.MustCompile(r.pattern)
		done := map[string]bool{}
		for _, c := range said {
			if done[c.component] || r.of != nil && !slices.Contains(r.of, c.component) {
				continue
			}
			group := pattern.FindStringSubmatch(c.text)
			if group == nil {
				continue
			}
			why, next := r.say(e, match{component: c.component, text: c.text, group: group})
			if why == "" {
				continue
			}
			done[c.component] = true
			found = append(found, Finding{Rule: r.name, Component: c.component, Line: c.text, Cause: why, Next: next, Weak: r.weak, place: c.place})
		}
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		if a.Weak != b.Weak {
			if a.Weak {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.place, b.place)
	})
	if i := slices.IndexFunc(found, func(f Finding) bool { return f.Weak }); i > 0 {
		found = found[:i]
	}
	return distinct(found)
}

// distinct drops what was said of several components in the same words, and
// every cause after the first of one and the same line.
func distinct(found []Finding) []Finding {
	causes, lines := map[string]bool{}, map[string]bool{}
	var list []Finding
	for _, f := range found {
		if causes[f.Cause] || lines[f.Line] {
			continue
		}
		causes[f.Cause], lines[f.Line] = true, true
		list = append(list, f)
	}
	return list
}

type candidate struct {
	component, text string
	place           int
}

// candidates are the lines that count, the newest of each component first: all
// of a component that does not work, of one that does only what others say
// about it.
func candidates(e evidence.Evidence) []candidate {
	var list []candidate
	if e.Cause.Text != "" {
		list = append(list, candidate{component: e.Asked, text: e.Cause.Text, place: len(e.Components)})
	}
	for i, c := range e.Components {
		lines := slices.Clone(c.About)
		works := c.Health == state.Healthy && c.Running
		if !works || c.Name == e.Asked {
			lines = append(lines, c.Words...)
		}
		if c.Service != nil && c.Service.Exit != "" && !c.Running {
			lines = append(lines, evidence.Line{At: e.Now, Level: evidence.Fatal, Text: c.Service.Exit})
		}
		slices.SortStableFunc(lines, func(a, b evidence.Line) int { return b.At.Compare(a.At) })
		for _, l := range lines {
			if c.Running && !l.At.IsZero() && e.Now.Sub(l.At) > old {
				continue
			}
			list = append(list, candidate{component: c.Name, text: l.Text, place: i})
		}
	}
	return list
}
