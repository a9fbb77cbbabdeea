package operation

import (
	"fmt"
	"slices"

	"keelway.dev/keelway/internal/diagnose/state"
	"keelway.dev/keelway/internal/report"
)

// ready is true when there are nodes and all of them are ready.
func (r *StatusReport) ready() bool {
	return len(r.Nodes) > 0 && !slices.ContainsFunc(r.Nodes, func(n NodeStatus) bool { return !n.Ready })
}

// judge says what does not work, and what soon will not.
func (r *StatusReport) judge() {
	problem := func(format string, args ...any) { r.Problems = append(r.Problems, fmt.Sprintf(format, args...)) }
	warn := func(format string, args ...any) { r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...)) }
	if !r.Installed {
		problem("there is no cluster on %s", r.Host)
		return
	}
	for _, c := range r.Components {
		if c.Health != state.Healthy {
			problem("%s is %s: %s", c.Name, c.Health, c.Detail)
		}
	}
	for _, n := range r.Nodes {
		for _, words := range n.Problems {
			problem("node %s: %s", n.Name, words)
		}
	}
	for _, c := range r.Certificates {
		switch {
		case c.Missing: // it stands in the table, and where `up` is the measure under what differs
		case c.Problem != "":
			problem("%s: %s", c.Name, c.Problem)
		case !c.Expires.After(r.Time):
			problem("%s expired %s ago", c.Name, report.Duration(r.Time.Sub(c.Expires)))
		case c.Soon:
			warn("%s expires in %d days", c.Name, c.DaysLeft)
		}
	}
	if n := len(r.Drift); n > 0 && r.Compared == byUp {
		warn("`keelway up` would do %d steps: something differs from what it makes", n)
	} else if n > 0 {
		warn("%d of the things that `%s` gave this machine are not as they were", n, r.Compared)
	}
	r.Healthy = len(r.Problems) == 0
}
