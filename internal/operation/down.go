package operation

import (
	"context"
	"fmt"

	"keelway.dev/keelway/internal/apply"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/prior"
	"keelway.dev/keelway/internal/report"
	"keelway.dev/keelway/internal/service"
	"keelway.dev/keelway/internal/step"
)

// DownOptions are what the user chose for `keelway down`.
type DownOptions struct {
	// KubeConfig is the user's own kubeconfig, which forgets the cluster; "" for none.
	KubeConfig string
}

// Down removes exactly what `keelway up` made on this machine, and returns how
// many steps it took.
func Down(ctx context.Context, m *Machine, o DownOptions) (int, error) {
	began := m.Now()
	m.emit(report.Event{Kind: report.Start, Host: m.Host.Name(), What: "keelway down · " + m.Host.Name()})
	if err := m.ours(ctx); err != nil {
		return 0, err
	}
	if o.KubeConfig != "" {
		if admin, err := m.readConfig(ctx, kube.AdminConf); err == nil {
			for _, c := range admin.Clusters {
				if err := m.unshareKubeconfig(ctx, o.KubeConfig, c.CertificateAuthorityData); err != nil {
					return 0, err
				}
			}
		}
	}
	runner := &step.Runner{Host: m.Host, Services: m.Services, Now: m.Now, GiveBack: m.Prior.GiveBack, EndDaemon: m.endDaemon}
	var others []string
	loop := apply.Operation{
		Decide: func(ctx context.Context) (plan.Plan, error) {
			left, err := m.Observer.Residue(ctx, m.Prior.Record())
			if err != nil {
				return plan.Plan{}, err
			}
			others = left.OtherNamespaces
			return plan.MakeRemoval(m.Host.Name(), left), nil
		},
		Begin:   func(context.Context, plan.Plan) error { return nil },
		Execute: runner.Run,
		Events:  m.Events,
		Now:     m.Now,
	}
	steps, err := loop.Run(ctx)
	if err != nil {
		return steps, err
	}
	if len(others) == 0 {
		// The record goes last: until here a removal that was interrupted finds it again.
		if err := m.Host.Remove(ctx, prior.Dir); err != nil {
			return steps, err
		}
	}
	what := "this machine is as it was"
	if steps == 0 {
		what = "nothing to remove"
	}
	m.emit(report.Event{Kind: report.Done, Host: m.Host.Name(), What: what, Seconds: m.Now().Sub(began).Seconds(), Total: steps})
	return steps, nil
}

// endDaemon ends the built-in supervisor, where it is in charge.
func (m *Machine) endDaemon(ctx context.Context) error {
	if s, ok := m.Services.(*service.Supervisor); ok {
		return s.End(ctx, true)
	}
	return nil
}

// ours refuses a machine with a cluster of which there is no record: it is
// somebody else's, and what is theirs stays.
func (m *Machine) ours(ctx context.Context) error {
	if len(m.Prior.Record().Paths) > 0 {
		return nil
	}
	left, err := m.Observer.Residue(ctx, m.Prior.Record())
	if err != nil {
		return err
	}
	if p := plan.MakeRemoval(m.Host.Name(), left); len(p.Steps) > 0 {
		return &apply.RefusedError{Refusals: []string{fmt.Sprintf(
			"%s has %s, but %s does not exist, which says what `keelway up` made here: it is somebody else's; remove it with the tool that made it, such as `kubeadm reset`",
			m.Host.Name(), p.Steps[0].Reason, prior.Path)}}
	}
	return nil
}
