// Package operation holds the story of each command: what it reads, decides and does, in order.
package operation

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"keelway.dev/keelway/internal/apply"
	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/prior"
	"keelway.dev/keelway/internal/report"
	"keelway.dev/keelway/internal/service"
	"keelway.dev/keelway/internal/step"
)

// Machine is one host with everything an operation needs to work on it.
type Machine struct {
	Host     host.Host
	Services service.Manager
	Client   *kube.Admin
	Prior    *prior.Book
	Observer *observe.Observer
	Events   report.Sink
	Now      func() time.Time
	// Wish is what the user said of decisions: the checks to let pass, and where
	// the configuration is from.
	Wish plan.Inputs
}

// decide is what is left to do.
func (m *Machine) decide(want desired.Host, seen observed.Host, sums map[string]string) plan.Plan {
	in := m.Wish
	in.Binaries, in.Now = sums, m.Now()
	return plan.Make(want, seen, in)
}

// refuse finds, before anything is written, what the certificates and keys that
// are there do not allow.
func (m *Machine) refuse(ctx context.Context, want desired.Host) error {
	want.Resources = slices.DeleteFunc(slices.Clone(want.Resources), func(r desired.Resource) bool {
		program := slices.ContainsFunc(r.Files, func(f desired.File) bool { return f.Binary != "" })
		return program || len(r.Files) == 0 && r.Certificate == nil && r.Keypair == nil && r.Kubeconfig == nil
	})
	seen, err := m.Observer.Look(ctx, want)
	if err != nil {
		return err
	}
	if p := m.decide(want, seen, nil); len(p.Refusals) > 0 {
		return &apply.RefusedError{Refusals: p.Refusals}
	}
	return nil
}

// NewMachine looks at the host's service manager and at what Keelway wrote
// down about it, and changes nothing.
func NewMachine(ctx context.Context, h host.Host, services service.Manager, events report.Sink) (*Machine, error) {
	book, err := prior.Open(ctx, h)
	if err != nil {
		return nil, err
	}
	admin := kube.NewAdmin(h)
	return &Machine{
		Host: h, Services: services, Client: admin, Prior: book, Events: events, Now: time.Now,
		Observer: &observe.Observer{Host: h, Services: services, Cluster: observe.Cluster{Client: admin.Client}},
	}, nil
}

// programs gives the bundle's programs, and Keelway's own.
type programs struct {
	*bundle.Bundle
	self string
	// near serves the bundle beside the host, nil when nobody does.
	near *step.Near
}

// WriteImages writes images of the bundle. It is not open when all of them were
// in the runtime's store; a runtime that has too much to do may not say so the
// next time.
func (p programs) WriteImages(w io.Writer, references map[string]string, has func(layer string) bool) error {
	if p.Bundle == nil {
		return fmt.Errorf("%s was in the container runtime's store, and now the runtime does not say so: see how it is with `keelway status`, and run the same command again", strings.Join(slices.Sorted(maps.Keys(references)), ", "))
	}
	return p.Bundle.WriteImages(w, references, has)
}

// OpenBinary opens a program by its name; "keelway" is the one that runs.
func (p programs) OpenBinary(name string) (io.ReadCloser, error) {
	if name == desired.Self {
		return os.Open(p.self)
	}
	path, _, err := p.Binary(name)
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// converge makes the host what want says, and returns how many steps it took.
// note is called before the first step of each plan; diagnose explains a step
// that failed.
func (m *Machine) converge(ctx context.Context, want desired.Host, b programs, sums map[string]string,
	note func(context.Context) error, diagnose func(context.Context, plan.Step, error) string) (int, error) {
	begin := func(ctx context.Context, p plan.Plan) error {
		if err := m.remember(ctx, p); err != nil {
			return err
		}
		return note(ctx)
	}
	return m.loop(want, b, sums, begin, diagnose).Run(ctx)
}

// loop is the one that makes the host what want says.
func (m *Machine) loop(want desired.Host, b programs, sums map[string]string,
	begin func(context.Context, plan.Plan) error, diagnose func(context.Context, plan.Step, error) string) *apply.Operation {
	runner := &step.Runner{
		Host: m.Host, Services: m.Services, Bundle: b, Sums: sums, Near: b.near, Client: m.Client.Client,
		Probe: m.Observer.Probe, Random: rand.Reader, Now: m.Now,
	}
	return &apply.Operation{
		Decide: func(ctx context.Context) (plan.Plan, error) {
			seen, err := m.Observer.Look(ctx, want)
			if err != nil {
				return plan.Plan{}, err
			}
			return m.decide(want, seen, sums), nil
		},
		Begin:    begin,
		Execute:  runner.Run,
		Diagnose: diagnose,
		Events:   m.Events,
		Now:      m.Now,
	}
}

// remember writes down, before a plan is begun, what it will change.
func (m *Machine) remember(ctx context.Context, p plan.Plan) error {
	paths := slices.Concat(desired.FilledFolders(), desired.MadeFolders())
	settings := map[string]string{}
	for _, s := range p.Steps {
		paths = append(paths, s.Paths()...)
	}
	for _, name := range desired.TouchedSysctls() {
		if value, err := observe.ReadSysctl(ctx, m.Host, name); err == nil {
			settings[name] = value
		}
	}
	tables, err := observe.Tables(ctx, m.Host)
	if err == nil {
		err = m.Prior.RememberTables(ctx, tables)
	}
	if err == nil {
		err = m.Prior.Remember(ctx, paths, settings)
	}
	if err != nil {
		return fmt.Errorf("nothing was changed: cannot write down what %s was before: %w", m.Host.Name(), err)
	}
	return m.markUnproven(ctx)
}
