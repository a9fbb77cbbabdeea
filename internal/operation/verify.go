package operation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observe"
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
	model, err := m.told(ctx, client)
	if err != nil {
		return verify.Report{}, err
	}
	return verify.Run(ctx, verify.Target{
		Client: client, Model: model, Control: m.Host, Now: m.Now, Done: done,
		Machines: []verify.Machine{{Name: model.Hosts[0].Init.NodeRegistration.Name, Host: m.Host, Want: desired.For(model, 0)}},
	})
}

// told is the model of a running cluster. Where it was made by `up`, that is what
// was written down; one of `init`, `join` or kubeadm tells by its ConfigMaps.
func (m *Machine) told(ctx context.Context, client *kube.Client) (*cluster.Model, error) {
	own, err := m.expected(ctx, nil)
	if err != nil {
		return nil, err
	}
	has := m.has(ctx)
	if own.basis == Recorded && !has(initDir+"/config.yaml") && !has(joinDir+"/config.yaml") {
		return own.model, nil
	}
	f := joinTarget{client: client, server: client.Config.Host}
	if err := f.read(ctx, 10*time.Second); err != nil {
		return own.model, nil //nolint:nilerr // what the files of this machine say is near enough
	}
	facts, err := observe.Facts(ctx, m.Host)
	if err != nil {
		return nil, err
	}
	o, err := m.findOptions(ctx)
	if err != nil {
		return nil, err
	}
	j := config.JoinConfiguration{ControlPlane: &config.JoinControlPlane{}}
	j.NodeRegistration.Name = o.NodeName
	j.ControlPlane.LocalAPIEndpoint = config.APIEndpoint{AdvertiseAddress: o.AdvertiseAddress, BindPort: o.BindPort}
	model, err := cluster.FromJoin(cluster.Join{Join: j, Cluster: f.cluster, Kubelet: f.kubelet, Proxy: f.proxy, Facts: facts, Now: m.Now()})
	if err != nil {
		return nil, err
	}
	model.Hosts[0].Init.BootstrapTokens = nil // the default one is for a cluster that is to be made
	return model, nil
}
