package operation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/verify"
)

// Verify asks the cluster of this control plane whether it does what a cluster
// is for. done is told how each check ended.
func Verify(ctx context.Context, m *Machine, done func(verify.Result)) (verify.Report, error) {
	// Two at once would remove each other's probes, and a cluster that is being
	// changed is not what anybody wants to know of.
	release, err := Lock(ctx, m)
	if err != nil {
		return verify.Report{}, err
	}
	defer release()
	client, err := m.Client.Client(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return verify.Report{}, &WishError{fmt.Errorf("cannot verify a cluster from %s: there is no %s; run this on a control plane, or give the cluster file with -f", m.Host.Name(), kube.AdminConf)}
	}
	if err != nil {
		return verify.Report{}, err
	}
	model, _, _, err := m.expected(ctx, nil)
	if err != nil {
		return verify.Report{}, err
	}
	return verify.Run(ctx, verify.Target{
		Client: client, Model: model, Control: m.Host, Now: m.Now, Done: done,
		Machines: []verify.Machine{{Name: model.Hosts[0].Init.NodeRegistration.Name, Host: m.Host, Want: desired.For(model, 0)}},
	})
}
