package operation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/load"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/release"
)

// upgradeInput is everything that is read before anything is decided.
type upgradeInput struct {
	client *kube.Client
	// config is the user's UpgradeConfiguration, defaulted.
	config config.UpgradeConfiguration
	// cluster is the cluster's own configuration; init is this machine's, as it
	// was made with.
	cluster config.ClusterConfiguration
	init    config.InitConfiguration
	// made is the folder of Keelway's with what this machine was made with, "" for
	// none.
	made string
	// patchFolder holds the patches of this machine, "" for none.
	patchFolder string
	warnings    []string
}

// readUpgrade reads the user's configuration, the cluster's and this machine's.
func readUpgrade(ctx context.Context, h host.Host, o UpgradeOptions) (*upgradeInput, error) {
	in := &upgradeInput{}
	limits, err := in.loadUpgrade(o)
	if err != nil {
		return nil, err
	}
	kubeconfig, err := observe.ReadText(ctx, h, o.Kubeconfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &WishError{fmt.Errorf("the cluster cannot be called: %s does not exist; run this on a control plane, or name a kubeconfig with --kubeconfig", o.Kubeconfig)}
	}
	if err != nil {
		return nil, err
	}
	if in.client, err = kube.New([]byte(kubeconfig), h); err != nil {
		return nil, &WishError{fmt.Errorf("%s: %w", o.Kubeconfig, err)}
	}
	if err := in.loadCluster(ctx, h, o); err != nil {
		return nil, err
	}
	if limits != nil {
		in.init.Timeouts = limits
	}
	in.patchFolder, err = in.findPatches(ctx, h, o)
	return in, err
}

// loadUpgrade reads the UpgradeConfiguration, and returns the time-outs that it
// names, nil for none.
func (in *upgradeInput) loadUpgrade(o UpgradeOptions) (*config.Timeouts, error) {
	set := &load.Set{}
	var err error
	if o.File != "" {
		if set, err = load.Read(o.File, o.Text, load.Options{}); err == nil && set.Upgrade == nil {
			err = fmt.Errorf("%s: there is no UpgradeConfiguration in it", o.File)
		}
		if err != nil {
			return nil, &WishError{err}
		}
	}
	if set.Upgrade == nil {
		set.Upgrade = &config.UpgradeConfiguration{}
	}
	var limits *config.Timeouts
	if t := set.Upgrade.Timeouts; t != nil && t.ControlPlaneComponentHealthCheck != nil {
		limits = t
	}
	if err := set.Complete(load.Host{}, load.Options{}); err != nil {
		return nil, &WishError{err}
	}
	for _, w := range set.Warnings {
		in.warnings = append(in.warnings, w.String())
	}
	in.config = *set.Upgrade
	return limits, nil
}

// loadCluster reads the cluster's configuration from the cluster, and what this
// machine alone has: what `init` wrote down, and its own files.
func (in *upgradeInput) loadCluster(ctx context.Context, h host.Host, o UpgradeOptions) error {
	c := &Certs{host: h}
	text, err := c.clusterConfig(ctx, o.Kubeconfig)
	if err != nil {
		return fmt.Errorf("the cluster's configuration, kubeadm-config in kube-system, cannot be read: %w", err)
	}
	set, err := load.Read("ConfigMap kube-system/kubeadm-config", text, load.Options{})
	if err != nil {
		return err
	}
	if set.Cluster == nil {
		return errors.New("the ConfigMap kube-system/kubeadm-config holds no ClusterConfiguration: this is not a cluster of kubeadm's form")
	}
	if set.Init, err = in.remembered(ctx, h); err != nil {
		return err
	}
	c.local(ctx, set.Init)
	on := load.Host{Name: o.Facts.Hostname, Address: "0.0.0.0", Version: release.Default().Kubernetes, Token: NewToken}
	if len(o.Facts.Addresses) > 0 {
		on.Address = o.Facts.Addresses[0]
	}
	// It was accepted when the cluster was made.
	if err := set.Complete(on, load.Options{Ignore: []string{"all"}}); err != nil {
		return err
	}
	in.cluster, in.init = *set.Cluster, *set.Init
	return nil
}

// remembered is how this machine was made: what `init` or `join` wrote down,
// nothing where it was kubeadm.
func (in *upgradeInput) remembered(ctx context.Context, h host.Host) (*config.InitConfiguration, error) {
	for _, dir := range []string{initDir, joinDir} {
		text, err := observe.ReadText(ctx, h, dir+"/config.yaml")
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		was, err := load.Read(dir+"/config.yaml", []byte(text), load.Options{})
		if err != nil {
			return nil, err
		}
		in.made = dir
		if was.Init != nil {
			return was.Init, nil
		}
		if j := was.Join; j != nil {
			init := &config.InitConfiguration{NodeRegistration: j.NodeRegistration, Timeouts: j.Timeouts}
			if j.ControlPlane != nil {
				init.LocalAPIEndpoint = j.ControlPlane.LocalAPIEndpoint
			}
			return init, nil
		}
	}
	return &config.InitConfiguration{}, nil
}

// findPatches finds the folder of patches: the user's, else the one that was
// remembered.
func (in *upgradeInput) findPatches(ctx context.Context, h host.Host, o UpgradeOptions) (string, error) {
	folder := o.Patches
	if p := in.config.Apply.Patches; folder == "" && p != nil {
		folder = p.Directory
	}
	if folder != "" || in.made == "" {
		return folder, nil
	}
	_, err := h.Stat(ctx, in.made+"/patches")
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return in.made + "/patches", err
}
