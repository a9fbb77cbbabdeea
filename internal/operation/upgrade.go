package operation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/plan/upgrade"
	"keelway.dev/keelway/internal/preflight"
)

// UpgradeOptions are what the user chose for `keelway upgrade` and its commands.
// What a flag does not say is nil or "", and the UpgradeConfiguration's.
type UpgradeOptions struct {
	// File and Text are the user's UpgradeConfiguration; none for "".
	File string
	Text []byte
	// Kubeconfig is what the cluster is called with.
	Kubeconfig string
	// Version is the one to go to; "" leaves it to the cluster.
	Version                        string
	Experimental, Candidates, Etcd *bool
	IgnorePreflight                []string
	// Patches is a folder that wins over the remembered one.
	Patches string
	// Facts are the machine's.
	Facts cluster.Facts
}

// UpgradePlan is where a cluster can go from where it is.
type UpgradePlan struct {
	// Version is the cluster's own.
	Version  string
	Upgrades []upgrade.Upgrade
	Configs  []upgrade.Config
	// Older are the kubelets that are behind the cluster as it is.
	Older []observed.Running
	// Cluster is the configuration that an upgrade would keep.
	Cluster config.ClusterConfiguration
	// PrintConfig is true where the UpgradeConfiguration asks for it.
	PrintConfig bool
	// Patches is the folder of patches that this machine was made with, "" for none.
	Patches  string
	Warnings []string
}

// PlanUpgrade reads the cluster and the configuration, holds the one against the
// other, and changes nothing. Nobody outside of the cluster is asked: the
// versions are those that Keelway has.
func PlanUpgrade(ctx context.Context, h host.Host, o UpgradeOptions) (*UpgradePlan, error) {
	in, err := readUpgrade(ctx, h, o)
	if err != nil {
		return nil, err
	}
	seen, err := in.versions(ctx)
	if err != nil {
		return nil, err
	}
	p := &UpgradePlan{Cluster: in.cluster, Configs: upgrade.Configs(seen), Patches: in.patchFolder, Warnings: in.warnings}
	if p.Version, err = upgrade.ClusterVersion(seen); err != nil {
		return nil, err
	}
	chosen := in.config.Plan
	p.PrintConfig = truth(chosen.PrintConfig)
	if err := p.check(ctx, h, seen, append(o.IgnorePreflight, chosen.IgnorePreflightErrors...)); err != nil {
		return nil, err
	}
	version := o.Version
	if version == "" {
		version = chosen.KubernetesVersion
	}
	p.Upgrades, err = upgrade.Available(seen, in.cluster, upgrade.Options{
		Version:      version,
		Experimental: either(o.Experimental, chosen.AllowExperimentalUpgrades),
		Candidates:   either(o.Candidates, chosen.AllowRCUpgrades),
		Etcd:         either(o.Etcd, chosen.EtcdUpgrade),
	})
	if err != nil {
		return nil, &WishError{err}
	}
	for _, k := range seen.Kubelets {
		if k.Version != p.Version {
			p.Older = append(p.Older, k)
		}
	}
	return p, nil
}

// check makes kubeadm's checks of a cluster's health, by its names, but for the
// Job that it starts: a plan changes nothing.
func (p *UpgradePlan) check(ctx context.Context, h host.Host, seen observed.Versions, ignore []string) error {
	var found []preflight.Finding
	if len(seen.NotReady) > 0 {
		found = append(found, preflight.Finding{
			Name:    "ControlPlaneNodesReady",
			Message: fmt.Sprintf("the control plane's node %s is not ready: an upgrade would take away another one", strings.Join(seen.NotReady, ", ")),
			Fix:     "find out why with `keelway diagnose` on that machine",
		})
	}
	for _, name := range staticPods(p.Cluster) {
		path := manifestDir + name + ".yaml"
		if _, err := h.Stat(ctx, path); errors.Is(err, fs.ErrNotExist) {
			found = append(found, preflight.Finding{
				Name:    "StaticPodManifest",
				Message: fmt.Sprintf("%s is not on %s: its control plane is not one of kubeadm's", path, h.Name()),
				Fix:     "run this on a control plane",
			})
		}
	}
	found, err := preflight.Ignore(found, ignore)
	if err != nil {
		return &WishError{err}
	}
	if preflight.Failed(found) {
		return &PreflightError{Lines: preflight.Lines(found)}
	}
	p.Warnings = append(p.Warnings, preflight.Lines(found)...)
	return nil
}

// staticPods are the names of a control plane's static pods, in the order in
// which an upgrade replaces them.
func staticPods(c config.ClusterConfiguration) []string {
	names := []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"}
	if c.Etcd.External == nil {
		names = append([]string{upgrade.Etcd}, names...)
	}
	return names
}

// versions reads what runs.
func (in *upgradeInput) versions(ctx context.Context) (observed.Versions, error) {
	ctx, cancel := context.WithTimeout(ctx, in.config.Timeouts.KubernetesAPICall.Duration)
	defer cancel()
	seen, err := observe.Versions(ctx, in.client)
	if err != nil {
		return seen, fmt.Errorf("cannot see what the cluster runs: %w", err)
	}
	return seen, nil
}

// either is the flag's value, or the configuration's, or false.
func either(flag, configured *bool) bool {
	if flag != nil {
		return *flag
	}
	return truth(configured)
}

func truth(b *bool) bool { return b != nil && *b }
