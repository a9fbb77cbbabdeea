package operation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/diagnose/component"
	"keelway.dev/keelway/internal/diagnose/state"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/report"
)

// StatusReport is how the cluster on this machine is, at one moment.
type StatusReport struct {
	Host       string          `json:"host"`
	Time       time.Time       `json:"time"`
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
	// Problems say what does not work; Warnings what soon will not.
	Problems []string `json:"problems,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
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
	// Drift is what differs from what `up` made, DriftNotes what could not be
	// compared and why.
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

// Addresses are what the cluster is reached by and what it gives out.
type Addresses struct {
	// Endpoint is the URL that all machines share.
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
	model, programs, basis, err := m.expected(ctx, nil)
	if err != nil {
		return nil, err
	}
	host := model.Hosts[0]
	want := desired.For(model, 0)
	list := component.For(model, host)

	var wg sync.WaitGroup
	var seen state.Seen
	var memory []int64
	wg.Go(func() {
		seen = state.Look(ctx, m.sources(), list)
		memory = m.memory(ctx, seen)
	})
	var looked observed.Host
	var lookErr error
	wg.Go(func() { looked, lookErr = m.Observer.Look(ctx, files(want)) })
	wg.Wait()
	if lookErr != nil {
		return nil, fmt.Errorf("%w; keelway status must run as root", lookErr)
	}

	r := &StatusReport{
		Host: m.Host.Name(), Time: m.Now(), Kubernetes: model.Release.Kubernetes, Profile: model.Profile, Basis: basis,
		Busy: m.busy(ctx), Ours: len(m.Prior.Record().Paths) > 0, API: seen.API != nil, Addresses: addresses(model, host),
	}
	r.components(seen, memory)
	r.services(m.Services.Kind(), seen)
	if r.Installed {
		r.nodes(ctx, seen, want.Name)
		r.Certificates = append(certificates(model, looked, m.Now()), m.servingCertificate(ctx)...)
		in := plan.Inputs{Binaries: known(programs, want, looked), Now: m.Now()}
		r.Drift, r.DriftNotes = drift(want, looked, in, len(programs) > 0)
		if r.API {
			r.DriftNotes = append(r.DriftNotes, m.unlike(ctx, host.Facts, r.DriftNotes)...)
		}
	}
	if o.Stages {
		r.Stages = stages(ctx, m.Host, want, looked, r.Components, r.ready())
	}
	r.judge()
	return r, nil
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

func addresses(m *cluster.Model, h cluster.Host) Addresses {
	a := Addresses{
		Endpoint:         m.Cluster.ControlPlaneURL(h.Init.LocalAPIEndpoint),
		AdvertiseAddress: h.Init.LocalAPIEndpoint.AdvertiseAddress,
		PodRange:         m.Cluster.Networking.PodSubnet,
		ServiceRange:     m.Cluster.Networking.ServiceSubnet,
		Domain:           m.Cluster.Networking.DNSDomain,
	}
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
		case c.Missing: // it stands under what differs
		case c.Problem != "":
			problem("%s: %s", c.Name, c.Problem)
		case !c.Expires.After(r.Time):
			problem("%s expired %s ago", c.Name, report.Duration(r.Time.Sub(c.Expires)))
		case c.Soon:
			warn("%s expires in %d days", c.Name, c.DaysLeft)
		}
	}
	if n := len(r.Drift); n > 0 {
		warn("`keelway up` would do %d steps: something differs from what it makes", n)
	}
	r.Healthy = len(r.Problems) == 0
}
