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

// Prepared is the part of a joining host's story that touches no cluster: its
// runtime, images, CNI plugins and kernel settings, and the kubelet's program.
// Hosts are prepared side by side, whatever else is done.
func (h Host) Prepared() Host {
	part := Host{Name: h.Name}
	for _, r := range h.Resources {
		switch r.Phase {
		case "runtime", "images", "cni", "sysctl":
		default:
			if r.ID != "kubelet-start/programs" {
				continue
			}
		}
		part.Resources = append(part.Resources, r)
	}
	return part
}

// Founded is the part of the first control plane's story after which others join:
// all but the last waits for the addons. CoreDNS's pods are placed by then: on a
// machine that joins they would be before its flannel, and fail at first.
func (h Host) Founded() Host {
	part := Host{Name: h.Name}
	for _, r := range h.Resources {
		last := r.Phase == Addons && r.Wait != nil && !slices.ContainsFunc(h.Resources, func(o Resource) bool { return slices.Contains(o.After, r.ID) })
		if !last {
			part.Resources = append(part.Resources, r)
		}
	}
	return part
}
