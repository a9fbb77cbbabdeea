package operation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/pmezard/go-difflib/difflib"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/phase"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/plan/upgrade"
)

// UpgradeDiff is how the static pods of this machine would change.
type UpgradeDiff struct {
	// Version is the target.
	Version string
	// Texts are unified differences, one for each file that changes.
	Texts []string
	// Patches is the folder of patches that they hold, "" for none.
	Patches  string
	Warnings []string
}

// DiffUpgrade holds the static pods of this machine against those of another
// version, with the patches and the configuration that it was made with.
// lines is the number of unchanged lines around a change, nil for the
// configuration's.
func DiffUpgrade(ctx context.Context, h host.Host, o UpgradeOptions, lines *int) (*UpgradeDiff, error) {
	in, err := readUpgrade(ctx, h, o)
	if err != nil {
		return nil, err
	}
	have, err := manifests(ctx, h, staticPods(in.cluster))
	if err != nil {
		return nil, err
	}
	to, err := in.target(o.Version)
	if err != nil {
		return nil, &WishError{err}
	}
	want, err := in.manifestsAt(ctx, h, o, to, have[upgrade.Etcd])
	if err != nil {
		return nil, &WishError{err}
	}
	d := &UpgradeDiff{Version: to, Patches: in.patchFolder}
	around := in.config.Diff.DiffContextLines
	switch {
	case lines != nil:
		around = *lines
	case around == 0:
		around = contextLines
	}
	for _, name := range staticPods(in.cluster) {
		text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
			A: difflib.SplitLines(have[name]), B: difflib.SplitLines(want[name]),
			FromFile: manifestDir + name + ".yaml", ToFile: "new manifest", Context: around,
		})
		if err != nil {
			return nil, err
		}
		if text != "" {
			d.Texts = append(d.Texts, text)
		}
	}
	d.Warnings = in.warnings
	return d, nil
}

// contextLines is kubeadm's default.
const contextLines = 3

// manifests are the files of static pods by their pods' names.
func manifests(ctx context.Context, h host.Host, names []string) (map[string]string, error) {
	files := map[string]string{}
	for _, name := range names {
		path := manifestDir + name + ".yaml"
		text, err := observe.ReadText(ctx, h, path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &WishError{fmt.Errorf("the manifest file %q does not exist: run this on a control plane of kubeadm's form", path)}
		}
		if err != nil {
			return nil, err
		}
		files[name] = text
	}
	return files, nil
}

// target is the version to compare with: the user's, or the cluster's own,
// which shows what of the files is not as configured.
func (in *upgradeInput) target(version string) (string, error) {
	if version == "" {
		version = in.config.Diff.KubernetesVersion
	}
	if version == "" {
		return in.cluster.KubernetesVersion, nil
	}
	return upgrade.Whole(in.cluster.KubernetesVersion, upgrade.Options{Version: version, Experimental: true})
}

// manifestsAt are the static pods of this machine at a version, as init's own
// phases write them. etcd is its member's file as it is.
func (in *upgradeInput) manifestsAt(ctx context.Context, h host.Host, o UpgradeOptions, version, etcd string) (map[string]string, error) {
	c := cluster.Config{
		Init: in.init, Cluster: in.cluster, Facts: o.Facts,
		Theirs: cluster.Theirs{Runtime: true, Kubelet: true, Network: true, Images: true},
	}
	c.Cluster.KubernetesVersion = version
	if l := c.Cluster.Etcd.Local; l != nil {
		next := *l
		next.ImageTag = upgrade.EtcdTag(in.cluster, version, upgrade.ImageTag(etcd))
		c.Cluster.Etcd.Local = &next
	}
	if in.patchFolder != "" {
		read := &work{}
		set, err := (&Machine{Host: h}).readPatches(ctx, in.patchFolder, read)
		if err != nil {
			return nil, err
		}
		c.Patcher = set
		in.warnings = append(in.warnings, read.warnings...)
	}
	model, err := cluster.FromConfig(c)
	if err != nil {
		return nil, err
	}
	run, err := phase.Select(phase.Init(), []string{"etcd", "control-plane"}, nil)
	if err != nil {
		return nil, err
	}
	all, err := desired.Init(model, 0, desired.InitOptions{Run: run})
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, r := range all.Resources {
		for _, f := range r.Files {
			if path.Dir(f.Path)+"/" == manifestDir {
				files[strings.TrimSuffix(path.Base(f.Path), ".yaml")] = string(f.Content)
			}
		}
	}
	files[upgrade.Etcd] = upgrade.KeepMembers(files[upgrade.Etcd], etcd)
	return files, nil
}
