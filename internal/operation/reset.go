package operation

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/apply"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/load"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/phase"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/preflight"
	"keelway.dev/keelway/internal/report"
	"keelway.dev/keelway/internal/step"
)

// ResetOptions are what the user chose for `keelway reset` or one of its phases.
type ResetOptions struct {
	// File and Text are the configuration: the user's file, or what the flags say.
	File string
	Text []byte
	Load load.Options
	// Only are the phases to run, none for all; Skip are left out, and stand for
	// the configuration's own list.
	Only, Skip []string
	// Kubeconfig is the one to call the API with, "" for the usual.
	Kubeconfig string
	// UserKubeconfig is the user's own file, which stays; "" for none.
	UserKubeconfig string
	DryRun         bool
	// Terminal is true when there is one to ask on. Confirm asks there, and fails
	// when the answer is not yes, or when there is none.
	Terminal bool
	Confirm  func(what string) error
}

// ResetResult is what `keelway reset` came to.
type ResetResult struct {
	Steps int
	// Plan is what a dry run would do.
	Plan *plan.Plan
	// Removed says what was done, Left what stays and how it goes.
	Removed []string
	Left    []Left
}

// Left is something that reset leaves, and the command that removes it, "" for none.
type Left struct {
	What    string `json:"what"`
	Command string `json:"command,omitempty"`
}

// resetInput is everything that is known before anything is changed.
type resetInput struct {
	config config.ResetConfiguration
	run    phase.Selection
	wish   observe.ResetWish
	etcd   observed.Etcd
	leave  plan.Leaving
	// node is the Node's name, "" when nothing says it.
	node     string
	warnings []string
	// contexts are those of the user's kubeconfig that name this cluster.
	contexts []string
}

// Reset has this machine leave its cluster: look, ask, take etcd's member out,
// stop what runs, remove what it left. The container runtime and the installed
// programs stay. A run that was interrupted is finished by the next one.
func Reset(ctx context.Context, m *Machine, o ResetOptions) (*ResetResult, error) {
	began := m.Now()
	in, err := m.readReset(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := m.agreeReset(ctx, in, o); err != nil {
		return nil, err
	}
	m.emit(report.Event{Kind: report.Start, Host: m.Host.Name(), What: "keelway reset · " + m.Host.Name()})
	for _, w := range in.warnings {
		m.emit(report.Event{Kind: report.Warning, Host: m.Host.Name(), Phase: "preflight", What: w})
	}
	r := &ResetResult{}
	if in.config.DryRun {
		r.Plan, err = m.resetPlan(ctx, in)
		return r, err
	}
	if in.leave.Release && in.etcd.Released {
		// The mark of a run that was interrupted at once: this one makes its own.
		if err := m.Host.Remove(ctx, path.Join(in.etcd.Dir, desired.ReleaseMark)); err != nil {
			return r, err
		}
	}
	runner := &step.Runner{
		Host: m.Host, Services: m.Services, Now: m.Now, Socket: in.wish.Socket, UmountFlags: umountFlags(in.config.UnmountFlags),
	}
	loop := apply.Operation{
		Decide: func(ctx context.Context) (plan.Plan, error) { return m.decideReset(ctx, in) },
		Begin:  func(context.Context, plan.Plan) error { return nil },
		Execute: func(ctx context.Context, s plan.Step, waiting func(string)) error {
			err := runner.Run(ctx, s, waiting)
			if err != nil {
				return err
			}
			r.Removed = append(r.Removed, s.Resource.What+": "+s.Reason)
			if s.Resource.Leave != nil { // the mark goes with the data, and the member with it
				in.leave.Member, in.leave.Release = 0, false
			}
			return nil
		},
		Events: m.Events,
		Now:    m.Now,
	}
	if r.Steps, err = loop.Run(ctx); err != nil {
		return r, err
	}
	r.Left = m.resetLeft(ctx, in)
	what := "this machine has left its cluster"
	switch {
	case r.Steps == 0:
		what = "nothing to remove"
	case len(o.Only) > 0:
		what = o.Only[0] + " is done"
	}
	m.emit(report.Event{Kind: report.Done, Host: m.Host.Name(), What: what, Seconds: m.Now().Sub(began).Seconds(), Total: r.Steps})
	return r, nil
}

// readReset reads the configuration, the machine and the cluster. It changes nothing.
func (m *Machine) readReset(ctx context.Context, o ResetOptions) (*resetInput, error) {
	named := false // the folder of certificates
	set, err := load.Read(o.File, o.Text, o.Load)
	if err == nil {
		if set.Reset == nil {
			return nil, &WishError{fmt.Errorf("%s holds no ResetConfiguration: `keelway config print reset-defaults` shows one", o.File)}
		}
		named = set.Reset.CertificatesDir != ""
		err = set.Complete(load.Host{}, o.Load)
	}
	if err != nil {
		return nil, &WishError{err}
	}
	in := &resetInput{config: *set.Reset}
	in.config.DryRun = in.config.DryRun || o.DryRun
	for _, w := range set.Warnings {
		in.warnings = append(in.warnings, w.String())
	}
	if _, err := preflight.Ignore(nil, slices.Concat(o.Load.Ignore, in.config.IgnorePreflightErrors)); err != nil {
		return nil, &WishError{err}
	}
	skip := o.Skip
	if len(skip) == 0 {
		skip = in.config.SkipPhases
	}
	if in.run, err = phase.Select(phase.Reset(), o.Only, skip); err != nil {
		return nil, &WishError{err}
	}
	m.Client.Use(o.Kubeconfig, "")
	in.wish = observe.ResetWish{
		Socket: strings.TrimPrefix(in.config.CRISocket, "unix://"), Certs: in.config.CertificatesDir, Temporary: in.config.CleanupTmpDir,
	}
	if ca := m.Observer.StaticFlag(ctx, "kube-apiserver", "client-ca-file"); !named && strings.HasSuffix(ca, "/ca.crt") {
		in.wish.Certs = strings.TrimSuffix(ca, "/ca.crt")
	}
	if in.wish.Certs != config.DefaultCertificatesDir {
		in.warnings = append(in.warnings, fmt.Sprintf("the folder of certificates is %s, and not the usual one: only the files that kubeadm makes are removed there", in.wish.Certs))
	}
	for _, f := range in.config.UnmountFlags {
		if f == "MNT_EXPIRE" {
			in.warnings = append(in.warnings, "unmountFlags: umount knows no MNT_EXPIRE, it is left out")
		}
	}
	in.node = nodeName(ctx, m.Host)
	in.contexts = m.contextsOf(ctx, o.UserKubeconfig, in.wish.Certs+"/ca.crt")
	if in.etcd, err = m.Observer.EtcdHere(ctx, in.wish.Socket); err != nil {
		return nil, err
	}
	if in.run.Has("remove-etcd-member") {
		in.etcd = m.Observer.AskEtcd(ctx, in.etcd)
	}
	return in, nil
}

// agreeReset refuses what cannot be, and then asks; both before anything is
// changed.
func (m *Machine) agreeReset(ctx context.Context, in *resetInput, o ResetOptions) error {
	ask := in.run.Has("preflight") && !in.config.Force && !in.config.DryRun
	what := "This takes " + m.Host.Name() + " out of its cluster, and removes what 'init' or 'join' made here."
	if ask && !o.Terminal {
		return o.Confirm(what)
	}
	consent := plan.Consent{Force: in.config.Force, Asked: ask || in.config.DryRun}
	in.leave = plan.LeaveEtcd(in.etcd, consent)
	if p, err := m.decideReset(ctx, in); err != nil {
		return err
	} else if len(p.Refusals) > 0 {
		return &apply.RefusedError{Refusals: p.Refusals}
	}
	if !ask {
		return nil
	}
	if in.leave.Last {
		what += " Its etcd holds the only copy of the cluster's data, which is deleted."
	}
	return o.Confirm(what)
}
