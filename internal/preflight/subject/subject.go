// Package subject is what a preflight check is about: one host, what it is to become, and what was found.
package subject

import (
	"net/netip"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/preflight/survey"
)

// Target is one host and what it is to become.
type Target struct {
	Host host.Host
	// Model is the whole cluster, Index the host's place in Model.Hosts.
	Model *cluster.Model
	Index int
	// Desired is what the host will hold; the checks take paths from it. It
	// may be empty.
	Desired desired.Host
	// Now is the clock of the machine that asks. Built is when the program was
	// built; the zero time is not compared.
	Now, Built time.Time
	// AddressChosen is true when a person named the advertise address, so that
	// there is nothing to say about a host with several.
	AddressChosen bool
	// Wrote says whether Keelway wrote a path on this host before; nil is never.
	Wrote func(path string) bool
	// Need is how many bytes are still to be written below /var/lib; 0 takes
	// FreshBytes on a host whose kubelet does not run yet.
	Need int64
}

// FreshBytes is the disk that a first installation takes: the programs, the
// images packed and unpacked, and room for etcd's data and the first logs.
const FreshBytes = 3 << 30

// Subject is a target with one look at its host, shared by all checks.
type Subject struct {
	Target
	*survey.Survey
}

// New begins a look at the target's host.
func New(t Target) *Subject {
	return &Subject{Target: t, Survey: survey.New(t.Host)}
}

// Finding is one thing that is, or may be, in the way.
type Finding struct {
	// Name is the check's, by which it can be ignored. A check of several
	// files or ports has a name for each, such as "Port-6443"; a check of one
	// thing leaves it empty and gets its own.
	Name string `json:"name"`
	// Warning is false for an error, which stops the operation.
	Warning bool `json:"warning,omitempty"`
	// Message says what was found, where, and why it matters.
	Message string `json:"message"`
	// Fix says what to do; when empty, it becomes the check's own.
	Fix string `json:"fix,omitempty"`
}

// Node is the host's entry in the model.
func (t Target) Node() cluster.Host {
	return t.Model.Hosts[t.Index]
}

// Name is the node's.
func (t Target) Name() string {
	return t.Node().Init.NodeRegistration.Name
}

// ControlPlane is true for a host that runs the control plane.
func (t Target) ControlPlane() bool { return t.Node().Has(cluster.ControlPlane) }

// Etcd is true for a host that runs an etcd member: a control plane, or a host
// that etcd has for itself.
func (t Target) Etcd() bool {
	return t.Model.Cluster.Etcd.Local != nil && (t.ControlPlane() || t.Alone())
}

// Alone is true for a host that etcd has for itself, and that is no node.
func (t Target) Alone() bool { return t.Node().Has(cluster.EtcdMember) }

// Advertise is the address by which others reach the host; invalid when the
// model has none that can be parsed.
func (t Target) Advertise() netip.Addr {
	a, _ := netip.ParseAddr(t.Node().Init.LocalAPIEndpoint.AdvertiseAddress)
	return a
}

// Range is a part of the address space that the cluster takes.
type Range struct {
	// What is "pod" or "service"; Option is the flag that changes it.
	What, Option string
	Prefix       netip.Prefix
}

// Ranges lists the pod ranges and the service ranges. One that cannot be
// parsed is left out: making the model refuses it.
func (t Target) Ranges() []Range {
	var all []Range
	n := t.Model.Cluster.Networking
	for _, k := range []struct{ what, option, text string }{
		{"pod", "--pod-network-cidr", n.PodSubnet},
		{"service", "--service-cidr", n.ServiceSubnet},
	} {
		if k.text == "" {
			continue
		}
		prefixes, err := config.Subnets(k.text)
		if err != nil {
			continue
		}
		for _, p := range prefixes {
			all = append(all, Range{What: k.what, Option: k.option, Prefix: p})
		}
	}
	return all
}

// Arg is the value of an extra flag; as in kubeadm's own rendering, the last
// of several counts.
func Arg(args []config.Arg, name string) string {
	value := ""
	for _, a := range args {
		if a.Name == name {
			value = a.Value
		}
	}
	return value
}

// Binary is the path at which a program of the bundle will lie, or fallback
// when Desired does not say.
func (t Target) Binary(name, fallback string) string {
	for _, r := range t.Desired.Resources {
		for _, f := range r.Files {
			if f.Binary == name {
				return f.Path
			}
		}
	}
	return fallback
}

// Owns is true for a path that Desired holds or that Keelway wrote before.
func (t Target) Owns(path string) bool {
	if t.Wrote != nil && t.Wrote(path) {
		return true
	}
	for _, r := range t.Desired.Resources {
		for _, p := range r.Paths() {
			if p == path {
				return true
			}
		}
	}
	return false
}
