package operation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/load"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/phase"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/report"
)

// FromFlags stands for the file of a configuration that came from flags.
const FromFlags = "(flags)"

// Workflow is what the user chose for one of kubeadm's workflows, `init` or
// `join`, or for one of its phases.
type Workflow struct {
	// File and Text are the configuration: the user's file, or what the flags say.
	File string
	Text []byte
	Load load.Options
	// NodeName wins over the configuration's; "" leaves it.
	NodeName string
	// Facts are the machine's.
	Facts cluster.Facts
	// Only are the phases to run, none for all; Skip are left out, and stand for
	// the configuration's own list.
	Only, Skip []string
	// Patches is a folder that wins over the configuration's.
	Patches         string
	IgnorePreflight []string
	// Tree is true of a folder that is no running machine: files are written, and
	// nothing is started there.
	Tree   bool
	DryRun bool
	// FindBundle returns the path of the bundle for a Kubernetes version, or an
	// error that says where it was looked for.
	FindBundle func(kubernetes string) (string, error)
	Self       string
	Built      time.Time
}

// InitOptions are what the user chose for `keelway init` or one of its phases.
type InitOptions struct {
	Workflow
	// KubeconfigDir and Kubeconfig are other places for the kubeconfig files and
	// for the one to call the API with.
	KubeconfigDir, Kubeconfig string
	UploadCerts               bool
}

// InitResult is what `keelway init` came to.
type InitResult struct {
	Model *cluster.Model
	Steps int
	// Plan is what a dry run would do.
	Plan *plan.Plan
	// Desired is what was, or would be, made true.
	Desired desired.Host
	// Join says how other machines join; nil when that phase did not run.
	Join *JoinCommand
	// CertificateKey opens the uploaded certificates; "" when none were.
	CertificateKey string
}

// Init makes this machine the first control plane of a cluster that kubeadm's
// configuration describes: read, check, converge. A run that was interrupted is
// finished by the next one.
func Init(ctx context.Context, m *Machine, o InitOptions) (*InitResult, error) {
	began := m.Now()
	in, err := m.readInit(ctx, o)
	if err != nil {
		return nil, err
	}
	r := &InitResult{Model: in.model, Desired: in.want, CertificateKey: in.certificateKey}
	node := in.model.Hosts[0].Init
	m.emit(report.Event{Kind: report.Start, Host: m.Host.Name(),
		What: fmt.Sprintf("keelway init · Kubernetes %s · node %s · %s", in.model.Cluster.KubernetesVersion, node.NodeRegistration.Name, in.what())})
	for _, w := range in.warnings {
		m.emit(report.Event{Kind: report.Warning, Host: m.Host.Name(), Phase: "preflight", What: w})
	}
	if in.run.Has("preflight") {
		if err := m.checkOwned(ctx, &in.work, o.Workflow); err != nil {
			return nil, err
		}
	}
	m.heed(o.Workflow, node.NodeRegistration)
	if o.File != FromFlags {
		m.Wish.Config = o.File
	}
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
	note := func(ctx context.Context) error { return m.saveInit(ctx, in) }
	if r.Steps, err = m.convergeInit(ctx, in, b, sums, note); err != nil {
		return r, err
	}
	if !in.model.Theirs.Services {
		m.writeDown(ctx, in.want, sums, byInit, in.only)
	}
	if in.run.Has("show-join-command") {
		if r.Join, err = m.joinCommand(ctx, in.model, r.CertificateKey); err != nil {
			return r, err
		}
	}
	m.emit(report.Event{Kind: report.Done, Host: m.Host.Name(), What: in.done(r.Steps), Seconds: m.Now().Sub(began).Seconds(), Total: r.Steps})
	return r, nil
}

// heed keeps in mind which checks the user lets pass.
func (m *Machine) heed(o Workflow, n config.NodeRegistrationOptions) {
	m.Wish.Ignore = slices.Concat(o.IgnorePreflight, n.IgnorePreflightErrors)
}

// convergeInit is the loop of `up`. A tree that is no machine has no record of
// what it was: nothing of it is given back.
func (m *Machine) convergeInit(ctx context.Context, in *initInput, b programs, sums map[string]string, note func(context.Context) error) (int, error) {
	if in.model.Theirs.Services {
		return m.loop(in.want, b, sums, func(context.Context, plan.Plan) error { return nil }, nil).Run(ctx)
	}
	return m.converge(ctx, in.want, b, sums, note, m.diagnose(in.model, byInit))
}

// work is what a workflow knows before anything is changed.
type work struct {
	model *cluster.Model
	run   phase.Selection
	want  desired.Host
	// only are the phases that were called by name.
	only []string
	// addressChosen is true when a person named the advertise address.
	addressChosen bool
	// joined is true of a machine that is a node of the cluster already: its
	// kubelet.conf is the kubelet's own work.
	joined bool
	// patches are the user's files by name, to be remembered.
	patches  map[string][]byte
	warnings []string
}

// initInput is what `init` knows beside that.
type initInput struct {
	work
	set            *load.Set
	certificateKey string
	// generatedToken is true when the user named no token.
	generatedToken bool
}

func (in *initInput) what() string {
	if len(in.only) == 0 {
		return "first control plane"
	}
	return "phase " + in.only[0]
}

func (in *initInput) done(steps int) string {
	switch {
	case len(in.only) > 0 && steps == 0:
		return "nothing to do: " + in.only[0] + " is as desired"
	case len(in.only) > 0:
		return in.only[0] + " is done"
	case steps == 0:
		return "nothing to do: the control plane is as desired"
	}
	return "control plane ready"
}

// InitFacts are the facts of this machine, read before a tree becomes the root.
func InitFacts(ctx context.Context, m *Machine) (cluster.Facts, error) {
	return observe.Facts(ctx, m.Host)
}

// TreeFacts are those of a tree that is for another machine: nothing is fitted
// to the kernel and the services of this one, but names and addresses, as
// kubeadm takes them.
func TreeFacts(ctx context.Context, m *Machine, here cluster.Facts) (cluster.Facts, error) {
	f := cluster.Facts{
		Hostname: here.Hostname, Addresses: here.Addresses, ProxyEnvironment: here.ProxyEnvironment,
		CgroupVersion: 2, Systemd: true, OOMScoreAdjustable: true, ConntrackWritable: true, DiskFreePercent: 100,
	}
	var err error
	f.CAFolders, err = observe.CAFolders(ctx, m.Host)
	return f, err
}
