package operation

import (
	"context"
	"fmt"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/load"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/phase"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/report"
)

// JoinOptions are what the user chose for `keelway join` or one of its phases.
type JoinOptions struct{ Workflow }

// JoinResult is what `keelway join` came to.
type JoinResult struct {
	Model *cluster.Model
	Steps int
	// Plan is what a dry run would do.
	Plan *plan.Plan
}

// joinInput is what `join` knows before anything is changed.
type joinInput struct {
	work
	join config.JoinConfiguration
	// found is what the cluster said.
	found *joinTarget
}

// Join makes this machine a node of a cluster that is there: find out whom to
// trust, read the cluster's configuration, check, converge. A run that was
// interrupted is finished by the next one.
func Join(ctx context.Context, m *Machine, o JoinOptions) (*JoinResult, error) {
	began := m.Now()
	in, err := m.loadJoin(o)
	if err != nil {
		return nil, err
	}
	m.emit(report.Event{Kind: report.Start, Host: m.Host.Name(),
		What: fmt.Sprintf("keelway join · node %s · %s", in.join.NodeRegistration.Name, in.what())})
	if err := m.readJoin(ctx, in, o); err != nil {
		return nil, err
	}
	r := &JoinResult{Model: in.model}
	for _, w := range in.warnings {
		m.emit(report.Event{Kind: report.Warning, Host: m.Host.Name(), Phase: "preflight", What: w})
	}
	if in.run.Has("preflight") {
		if err := m.checkOwned(ctx, &in.work, o.Workflow); err != nil {
			return nil, err
		}
	}
	m.heed(o.Workflow, in.join.NodeRegistration)
	if o.DryRun {
		r.Plan, err = m.workPlan(ctx, &in.work)
		return r, err
	}
	if err := m.refuse(ctx, in.want); err != nil {
		return nil, err
	}
	b, sums, err := m.findPrograms(ctx, &in.work, o.Workflow)
	if err != nil {
		return nil, err
	}
	note := func(ctx context.Context) error { return m.saveJoin(ctx, in) }
	if r.Steps, err = m.converge(ctx, in.want, b, sums, note, m.diagnose(in.model, byJoin)); err != nil {
		return r, err
	}
	m.writeDown(ctx, in.want, sums, byJoin, in.only)
	m.emit(report.Event{Kind: report.Done, Host: m.Host.Name(), What: in.done(r.Steps), Seconds: m.Now().Sub(began).Seconds(), Total: r.Steps})
	return r, nil
}

func (in *joinInput) what() string {
	switch {
	case len(in.only) > 0:
		return "phase " + in.only[0]
	case in.join.ControlPlane != nil:
		return "one more control plane"
	}
	return "worker"
}

func (in *joinInput) done(steps int) string {
	switch {
	case steps == 0:
		return "nothing to do: the node is as desired"
	case len(in.only) > 0:
		return in.only[0] + " is done"
	}
	return "the node has joined"
}

// loadJoin completes the configuration for this machine. What is malformed ends
// it here, before anybody is asked.
func (m *Machine) loadJoin(o JoinOptions) (*joinInput, error) {
	set, err := load.Read(o.File, o.Text, o.Load)
	if err != nil {
		return nil, &WishError{err}
	}
	if set.Join == nil {
		return nil, &WishError{fmt.Errorf("%s: there is no JoinConfiguration in it", o.File)}
	}
	in := &joinInput{work: work{only: o.Only}}
	if p := set.Join.ControlPlane; p != nil {
		in.addressChosen = p.LocalAPIEndpoint.AdvertiseAddress != ""
	}
	if o.NodeName != "" {
		set.Join.NodeRegistration.Name = o.NodeName
	}
	on := load.Host{Name: o.Facts.Hostname}
	if len(o.Facts.Addresses) > 0 {
		on.Address = o.Facts.Addresses[0]
	}
	if err := set.Complete(on, o.Load); err != nil {
		return nil, &WishError{err}
	}
	in.join = *set.Join
	for _, w := range set.Warnings {
		in.warnings = append(in.warnings, w.String())
	}
	skip := o.Skip
	if len(skip) == 0 {
		skip = in.join.SkipPhases
	}
	if in.run, err = phase.Select(phase.Join(), o.Only, skip); err != nil {
		return nil, &WishError{err}
	}
	return in, nil
}

// readJoin asks the cluster, and makes the model and what is desired. It
// changes nothing.
func (m *Machine) readJoin(ctx context.Context, in *joinInput, o JoinOptions) error {
	var err error
	if in.found, err = m.findCluster(ctx, in.join); err != nil {
		return err
	}
	in.joined = in.found.user == nil
	c := cluster.Join{
		Join: in.join, Cluster: in.found.cluster, Kubelet: in.found.kubelet, Proxy: in.found.proxy,
		Facts: o.Facts, Now: m.Now(), Theirs: m.owned(ctx, in.found.cluster, o.Tree),
	}
	if c.Patcher, err = m.patcher(ctx, &in.work, o.Patches, in.join.Patches); err != nil {
		return err
	}
	shared, err := m.sharedFiles(ctx, in)
	if err != nil {
		return err
	}
	if len(shared["ca.key"]) > 0 {
		c.Theirs.Authority = false
	}
	if in.model, err = cluster.FromJoin(c); err != nil {
		return &WishError{err}
	}
	for _, a := range in.model.Adapted {
		in.warnings = append(in.warnings, fmt.Sprintf("%s is set on this machine: %s", a.Setting, a.Why))
	}
	if in.join.ControlPlane != nil {
		m.Client.Use(adminConf, "")
		m.chooseEtcd(ctx, &in.work, o.Workflow)
	} else {
		m.Client.Use(kubeletConf, "")
	}
	bootstrap, err := m.bootstrapFile(in)
	if err != nil {
		return err
	}
	in.want, err = desired.Join(in.model, 0, desired.JoinOptions{Run: in.run, CA: in.found.ca, Bootstrap: bootstrap, Shared: shared})
	if err != nil {
		return &WishError{err}
	}
	return nil
}

// workPlan is what would be done, with the reasons that were seen.
func (m *Machine) workPlan(ctx context.Context, in *work) (*plan.Plan, error) {
	seen, err := m.Observer.Look(ctx, in.want)
	if err != nil {
		return nil, err
	}
	p := m.decide(in.want, seen, nil)
	return &p, nil
}

// saveJoin remembers how this machine joined, without what is secret.
func (m *Machine) saveJoin(ctx context.Context, in *joinInput) error {
	j := in.join
	j.Discovery = config.Discovery{}
	if j.ControlPlane != nil {
		p := *j.ControlPlane
		p.CertificateKey = ""
		j.ControlPlane = &p
	}
	return m.save(ctx, joinDir, &in.work, j)
}
