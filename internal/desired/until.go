package desired

import (
	"fmt"
	"slices"
	"strings"
)

// Phases lists the phases of a host's story, in order.
func (h Host) Phases() []string {
	var phases []string
	for _, r := range h.Resources {
		if !slices.Contains(phases, r.Phase) {
			phases = append(phases, r.Phase)
		}
	}
	return phases
}

// Until is the story up to and with a phase. What it keeps never needs what it
// leaves out: a resource only stands on earlier ones. The error names the
// phases there are.
func (h Host) Until(phase string) (Host, error) {
	last := -1
	for i, r := range h.Resources {
		if r.Phase == phase {
			last = i
		}
	}
	if last < 0 {
		return Host{}, fmt.Errorf("no phase %q: choose one of %s", phase, strings.Join(h.Phases(), ", "))
	}
	return Host{Name: h.Name, Resources: h.Resources[:last+1]}, nil
}
