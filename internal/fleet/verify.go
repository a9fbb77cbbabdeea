package fleet

import (
	"context"
	"errors"

	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/verify"
)

// Verify asks the cluster whether it does what a cluster is for, and each
// machine whether its files are as they must be. done is told how each check
// ended.
func (f *Fleet) Verify(ctx context.Context, done func(verify.Result)) (verify.Report, error) {
	if err := f.desire(ctx); err != nil {
		return verify.Report{}, err
	}
	if f.seed == nil {
		return verify.Report{}, errors.New("cannot verify the cluster: no control plane of the file serves the API; see `keelway plan` for what is missing, and `keelway diagnose` on a control plane for why")
	}
	release, err := operation.Lock(ctx, f.seed.machine)
	if err != nil {
		return verify.Report{}, err
	}
	defer release()
	f.seed.machine.Client.Use("", f.seed.url())
	client, err := f.seed.machine.Client.Client(ctx)
	if err != nil {
		return verify.Report{}, err
	}
	t := verify.Target{Client: client, Model: f.seed.model, Control: f.seed.machine.Host, Now: f.Now, Done: done}
	for _, n := range f.nodes {
		one := verify.Machine{Name: n.name(), Apart: !n.isNode(), Lost: n.lost, Want: n.want}
		if n.etcdAlone() {
			one.Etcd = n.Init.LocalAPIEndpoint.AdvertiseAddress
		}
		if n.machine != nil {
			one.Host = n.machine.Host
		}
		t.Machines = append(t.Machines, one)
	}
	return verify.Run(ctx, t)
}
