package cli

import (
	"fmt"
	"io"
	"strings"

	"keelway.dev/keelway/internal/plan"
)

// originWords say where something was changed.
func originWords(o plan.Origin) string {
	switch o {
	case plan.InFile:
		return "in the cluster file, or with another bundle or keelway"
	case plan.OnHost:
		return "on the host"
	}
	return "in the cluster"
}

// changedBy says where a difference was made since the last apply, if that is known.
func changedBy(origins []plan.Origin) string {
	if len(origins) == 0 {
		return ""
	}
	var words []string
	for _, o := range origins {
		words = append(words, originWords(o))
	}
	return " (changed since the last apply " + strings.Join(words, ", and ") + ")"
}

// printOrigins counts the steps by where their differences were made.
func printOrigins(out io.Writer, p plan.Fleet) {
	counts := map[plan.Origin]int{}
	for _, s := range p.Stages {
		for _, h := range s.Hosts {
			for _, one := range h.Plan.Steps {
				for _, o := range one.Origins {
					counts[o]++
				}
			}
		}
	}
	if len(counts) == 0 {
		return
	}
	fmt.Fprintln(out, "since the last apply was changed:")
	for _, o := range []plan.Origin{plan.InFile, plan.OnHost, plan.InCluster} {
		if counts[o] > 0 {
			fmt.Fprintf(out, "  %s: %d\n", originWords(o), counts[o])
		}
	}
}
