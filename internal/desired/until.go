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

// WithoutDNS is the story without CoreDNS's pods, the first ordinary ones, and what
// waits for them.
func (h Host) WithoutDNS() Host {
	part := Host{Name: h.Name}
	for _, r := range h.Resources {
		if r.ID != dnsID && !slices.Contains(r.After, dnsID) {
			part.Resources = append(part.Resources, r)
		}
	}
	return part
}

// Keys is the part of the first control plane's story that makes the keys and
// certificates which all of them share, and the kubeconfigs.
func (h Host) Keys() Host {
	return h.only(func(r Resource) bool {
		return r.Phase == "certs" || r.Phase == "kubeconfig" || r.ID == "hardening/encryption"
	})
}

// UntilEtcd is the part of a control plane's story with which its member of an etcd
// runs that is made on several machines at once.
func (h Host) UntilEtcd() Host {
	h.Resources = slices.DeleteFunc(slices.Clone(h.Resources), func(r Resource) bool {
		return r.Phase == "control-plane" // the kubelet starts after it, where etcd is alone
	})
	return h.only(func(r Resource) bool { return r.Phase == "etcd" || r.ID == "kubelet-start/kubelet" })
}

// UntilServing is the part of a control plane's story with which its API server
// serves, and the images of what comes then are there.
func (h Host) UntilServing() Host {
	return h.only(func(r Resource) bool { return r.ID == servingID || r.Phase == "images" })
}

// UntilRoles is the part of the first control plane's story with which its API
// server has made the roles of the cluster.
func (h Host) UntilRoles() Host {
	return h.only(func(r Resource) bool { return r.ID == rolesID })
}

// UntilPods is the part of another control plane's story after which pods can start
// there. Its managers are not needed for that: the first's work.
func (h Host) UntilPods() Host {
	return h.only(func(r Resource) bool { return r.ID == podsID })
}

// UntilRegistered is the part of a worker's story after which the cluster knows it.
func (h Host) UntilRegistered() Host {
	return h.only(func(r Resource) bool { return r.ID == registeredID })
}

// only keeps what is asked for and what that stands on.
func (h Host) only(asked func(Resource) bool) Host {
	place := map[string]int{}
	for i, r := range h.Resources {
		place[r.ID] = i
	}
	keep := make([]bool, len(h.Resources))
	var add func(i int)
	add = func(i int) {
		if keep[i] {
			return
		}
		keep[i] = true
		r := h.Resources[i]
		if r.After == nil && i > 0 {
			add(i - 1)
		}
		for _, id := range r.After {
			if j, ok := place[id]; ok {
				add(j)
			}
		}
	}
	part := Host{Name: h.Name}
	for i, r := range h.Resources {
		if asked(r) {
			add(i)
		}
	}
	for i, r := range h.Resources {
		if keep[i] {
			part.Resources = append(part.Resources, r)
		}
	}
	return part
}
