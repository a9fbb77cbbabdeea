package operation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired/haproxy"
	"keelway.dev/keelway/internal/diagnose/component"
	"keelway.dev/keelway/internal/diagnose/state"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/observed"
)

// StatusReport is how the cluster on this machine is, at one moment.
type StatusReport struct {
	Host string    `json:"host"`
	Time time.Time `json:"time"`
	// Roles are what the machine is of a cluster, by its files.
	Roles      []cluster.Role  `json:"roles,omitempty"`
	Kubernetes string          `json:"kubernetes"`
	Profile    cluster.Profile `json:"profile"`
	// Basis says whether version and profile were recorded by `up`, found in
	// the files of a cluster, or are what `up` would make by default; Ours is
	// true when `up` has changed this machine.
	Basis Basis `json:"basis"`
	Ours  bool  `json:"ours"`
	// Busy says which keelway is changing the machine at this moment.
	Busy string `json:"busy,omitempty"`
	// Installed is false where nothing of a cluster is.
	Installed bool `json:"installed"`
	// Healthy is true when there are no problems.
	Healthy bool `json:"healthy"`
	// Problems say what does not work; Warnings what soon will not; Notes what
	// could not be asked from here.
	Problems []string `json:"problems,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
	Notes    []string `json:"notes,omitempty"`
	Services struct {
		// Manager is "systemd" or "supervisor"; Boot says whether services come
		// back after a reboot, and through what.
		Manager string `json:"manager"`
		Boot    string `json:"boot,omitempty"`
	} `json:"services"`
	Components []ComponentStatus `json:"components"`
	// MemoryBytes is the sum over the components.
	MemoryBytes  int64               `json:"memoryBytes,omitempty"`
	API          bool                `json:"api"`
	Nodes        []NodeStatus        `json:"nodes,omitempty"`
	Certificates []CertificateStatus `json:"certificates,omitempty"`
	Addresses    Addresses           `json:"addresses"`
	// Compared is the command whose work the machine was compared with, such as
	// "keelway up"; "" where nobody wrote down what it was given.
	Compared string `json:"compared,omitempty"`
	// Drift is what differs from that, DriftNotes what could not be compared and
	// why.
	Drift      []Drift  `json:"drift,omitempty"`
	DriftNotes []string `json:"driftNotes,omitempty"`
	// Stages are there when they were asked for.
	Stages []Stage `json:"stages,omitempty"`
}

// ComponentStatus is one component.
type ComponentStatus struct {
	Name    string         `json:"name"`
	Version string         `json:"version,omitempty"`
	Runs    component.Kind `json:"runs"`
	Health  state.Health   `json:"health"`
	// Detail is the component's own words, or why there are none.
	Detail   string `json:"detail,omitempty"`
	Restarts int    `json:"restarts"`
	// MemoryBytes is the proportional set size of its processes here.
	MemoryBytes int64 `json:"memoryBytes,omitempty"`
}

// Addresses are what the cluster is reached by and what it gives out, as far as
// the machine knows.
type Addresses struct {
	// Endpoint is the URL that all machines share; a worker's is the one that its
	// kubelet calls.
	Endpoint         string `json:"endpoint"`
	AdvertiseAddress string `json:"advertiseAddress"`
	PodRange         string `json:"podRange"`
	ServiceRange     string `json:"serviceRange"`
	DNS              string `json:"dns"`
	Domain           string `json:"domain"`
}

// StatusOptions are what the user wants to see.
type StatusOptions struct {
	// Stages adds the stage map.
	Stages bool
}

// Status looks at everything at once and changes nothing. What does not answer
// is part of the report; an error means that the machine itself cannot be read.
func Status(ctx context.Context, m *Machine, o StatusOptions) (*StatusReport, error) {
	is, err := m.expected(ctx, nil)
	if err != nil {
		return nil, err
	}
	model, host := is.model, is.host()

	var wg sync.WaitGroup
	var seen state.Seen
	var memory []int64
	wg.Go(func() {
		seen = state.Look(ctx, m.sources(), component.For(model, host))
		memory = m.memory(ctx, seen)
	})
	var looked observed.Host
	var lookErr error
	wg.Go(func() { looked, lookErr = m.Observer.Look(ctx, is.looked()) })
	wg.Wait()
	if lookErr != nil {
		return nil, fmt.Errorf("%w; keelway status must run as root", lookErr)
	}

	r := &StatusReport{
		Host: m.Host.Name(), Time: m.Now(), Kubernetes: is.kubernetes(), Profile: is.profile(), Basis: is.basis,
		Busy: m.busy(ctx), Ours: len(m.Prior.Record().Paths) > 0, API: seen.API != nil, Addresses: is.addresses(),
	}
	r.components(seen, memory)
	r.services(m.Services.Kind(), seen)
	if r.Installed {
		r.Roles = host.Roles
		if is.node() {
			r.nodes(ctx, seen, is)
		}
		if !is.main() {
			r.kubeletIs(func() string { return m.kubeletVersion(ctx) })
		}
		r.Certificates = append(certificates(model, looked, m.Now()), m.servingCertificate(ctx)...)
		if is.basis != Recorded {
			// It is where the cluster was made, and may be kept elsewhere.
			r.Certificates = slices.DeleteFunc(r.Certificates, func(c CertificateStatus) bool { return c.Missing && c.Path == kube.SuperAdminConf })
		}
		r.Compared, r.Drift, r.DriftNotes = m.compare(ctx, is, looked)
	}
	switch {
	case o.Stages && !is.node():
		r.Notes = append(r.Notes, "the stage map is of nodes, and this machine is none")
	case o.Stages:
		r.Stages = stages(ctx, m.Host, is.want, looked, r.Components, r.ready())
	}
	r.judge()
	return r, nil
}

// kubeletIs gives a machine whose Kubernetes is its kubelet that one's version: the
// node's own word, or what is installed.
func (r *StatusReport) kubeletIs(installed func() string) {
	for i, c := range r.Components {
		if c.Name == "kubelet" {
			if c.Version == "" {
				r.Components[i].Version = installed()
			}
			r.Kubernetes = cmp.Or(r.Components[i].Version, r.Kubernetes)
		}
	}
}

// busy says who holds the lock; a file that a killed one left says nothing.
func (m *Machine) busy(ctx context.Context) string {
	holder, err := observe.ReadText(ctx, m.Host, lockPath)
	if err != nil {
		return ""
	}
	holder = strings.TrimSpace(holder)
	pid, _, _ := strings.Cut(strings.TrimPrefix(holder, "process "), ":")
	if _, err := m.Host.Stat(ctx, "/proc/"+pid); err != nil || pid == "" {
		return ""
	}
	return holder
}

// addresses are those that the machine knows.
func (e *expectation) addresses() Addresses {
	m, own := e.model, e.host().Init.LocalAPIEndpoint
	switch {
	case e.host().Has(cluster.EtcdMember):
		return Addresses{AdvertiseAddress: own.AdvertiseAddress}
	case !e.node():
		b := m.Balancer
		b.Address = cmp.Or(b.Address, own.AdvertiseAddress)
		return Addresses{Endpoint: "https://" + haproxy.Endpoint(b)}
	}
	a := Addresses{Endpoint: m.Cluster.ControlPlaneURL(own), AdvertiseAddress: own.AdvertiseAddress}
	if !e.told {
		return a
	}
	a.PodRange, a.ServiceRange, a.Domain = m.Cluster.Networking.PodSubnet, m.Cluster.Networking.ServiceSubnet, m.Cluster.Networking.DNSDomain
	if dns, err := m.Cluster.Networking.ServiceAddress(10); err == nil {
		a.DNS = dns.String()
	}
	return a
}

// memory is what each component's processes take here, in bytes.
func (m *Machine) memory(ctx context.Context, seen state.Seen) []int64 {
	shims := state.Shims(ctx, m.Host)
	sums := make([]int64, len(seen.States))
	var wg sync.WaitGroup
	for i, st := range seen.States {
		wg.Go(func() { sums[i], _ = state.Memory(ctx, m.Host, st, shims) })
	}
	wg.Wait()
	return sums
}

func (r *StatusReport) components(seen state.Seen, memory []int64) {
	for i, st := range seen.States {
		r.Components = append(r.Components, ComponentStatus{
			Name: st.Name, Version: st.Version, Runs: st.Kind, Health: st.Health, Detail: st.Answer,
			Restarts: st.Restarts, MemoryBytes: memory[i],
		})
		r.MemoryBytes += memory[i]
		r.Installed = r.Installed || st.Health != state.Absent && st.Health != state.Unknown
	}
}

func (r *StatusReport) services(manager string, seen state.Seen) {
	r.Services.Manager = manager
	for _, st := range seen.States {
		if st.Service != nil && st.Service.Boot != "" {
			r.Services.Boot = st.Service.Boot
		}
		if st.Name == "kubelet" && st.Service != nil && st.Service.Boot != "" {
			break // it is the one that brings back all others
		}
	}
}
