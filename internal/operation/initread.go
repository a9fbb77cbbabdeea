package operation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/load"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/cni"
	"keelway.dev/keelway/internal/desired/kubelet"
	"keelway.dev/keelway/internal/desired/phase"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/patch"
	"keelway.dev/keelway/internal/release"
)

// readInit reads the configuration and the machine, and makes the model and
// what is desired. It changes nothing.
func (m *Machine) readInit(ctx context.Context, o InitOptions) (*initInput, error) {
	in := &initInput{work: work{only: o.Only}}
	var err error
	if err = m.loadInit(in, o.Workflow); err != nil {
		return nil, err
	}
	for _, w := range in.set.Warnings {
		in.warnings = append(in.warnings, w.String())
	}
	if err := cluster.LeftOut(*in.set.Cluster); err != nil {
		return nil, &WishError{err}
	}
	c := cluster.Config{Init: *in.set.Init, Cluster: *in.set.Cluster, Kubelet: in.set.Kubelet, Proxy: in.set.Proxy, Facts: o.Facts, Now: m.Now()}
	skip := o.Skip
	if len(skip) == 0 {
		skip = c.Init.SkipPhases
	}
	if in.run, err = phase.Select(phase.Init(), o.Only, skip); err != nil {
		return nil, &WishError{err}
	}
	skipAddons(&c.Cluster, skip)
	if in.run.Any("etcd", "control-plane", "kubelet-start", "wait-control-plane", "addon") {
		if c.Patcher, err = m.patcher(ctx, &in.work, o.Patches, c.Init.Patches); err != nil {
			return nil, err
		}
	}
	if c.Theirs, err = m.theirs(ctx, c.Cluster, o, in); err != nil {
		return nil, err
	}
	if in.model, err = cluster.FromConfig(c); err != nil {
		return nil, &WishError{err}
	}
	m.Client.Use(o.Kubeconfig, "")
	if o.Kubeconfig == "" {
		m.Client.Use("", "https://"+in.model.Hosts[0].Init.LocalAPIEndpoint.HostPort())
	}
	for _, a := range in.model.Adapted {
		in.warnings = append(in.warnings, fmt.Sprintf("%s is set: %s; give it in the configuration to decide yourself", a.Setting, a.Why))
	}
	m.chooseEtcd(ctx, &in.work, o.Workflow)
	upload, err := m.upload(in, o)
	if err != nil {
		return nil, &WishError{err}
	}
	m.keepToken(ctx, in)
	in.want, err = desired.Init(in.model, 0, desired.InitOptions{Run: in.run, KubeconfigDir: o.KubeconfigDir, Upload: upload})
	if err != nil {
		return nil, &WishError{err}
	}
	return in, nil
}

// loadInit completes the configuration for this machine.
func (m *Machine) loadInit(in *initInput, o Workflow) error {
	set, err := load.Read(o.File, o.Text, o.Load)
	if err != nil {
		return &WishError{err}
	}
	if set.Init == nil && set.Cluster == nil {
		return &WishError{fmt.Errorf("%s: there is no InitConfiguration or ClusterConfiguration in it", o.File)}
	}
	in.set = set
	in.addressChosen = set.Init != nil && set.Init.LocalAPIEndpoint.AdvertiseAddress != ""
	in.generatedToken = set.Init == nil || len(set.Init.BootstrapTokens) == 0 || len(set.Init.BootstrapTokens) == 1 && (set.Init.BootstrapTokens[0].Token == nil || set.Init.BootstrapTokens[0].Token.String() == "")
	if o.NodeName != "" {
		if set.Init == nil {
			set.Init = &config.InitConfiguration{}
		}
		set.Init.NodeRegistration.Name = o.NodeName
	}
	on := load.Host{Name: o.Facts.Hostname, Version: release.Default().Kubernetes, Token: NewToken}
	if len(o.Facts.Addresses) > 0 {
		on.Address = o.Facts.Addresses[0]
	}
	if err := set.Complete(on, o.Load); err != nil {
		return &WishError{err}
	}
	return nil
}

// skipAddons notes skipped addons in the configuration, as kubeadm does, so
// that an upgrade does not install them.
func skipAddons(c *config.ClusterConfiguration, skip []string) {
	all := slices.Contains(skip, "addon")
	c.DNS.Disabled = c.DNS.Disabled || all || slices.Contains(skip, "addon/coredns")
	c.Proxy.Disabled = c.Proxy.Disabled || all || slices.Contains(skip, "addon/kube-proxy")
}

// patcher holds the patches of the folder that the user chose, or that the
// configuration names; nil where there is none.
func (m *Machine) patcher(ctx context.Context, in *work, chosen string, configured *config.Patches) (cluster.Patcher, error) {
	if chosen == "" && configured != nil {
		chosen = configured.Directory
	}
	if chosen == "" {
		return nil, nil //nolint:nilnil // no patches are no error
	}
	set, err := m.readPatches(ctx, chosen, in)
	if err != nil {
		return nil, &WishError{err}
	}
	return set, nil
}

// readPatches reads the folder of patches; sub-folders too, by their files' names.
func (m *Machine) readPatches(ctx context.Context, folder string, in *work) (*patch.Set, error) {
	in.patches = map[string][]byte{}
	var walk func(dir string) error
	walk = func(dir string) error {
		entries, err := m.Host.List(ctx, dir)
		if err != nil {
			return fmt.Errorf("cannot read the patches in %s: %w", folder, err)
		}
		for _, e := range entries {
			if e.Mode.IsDir() {
				if err := walk(e.Path); err != nil {
					return err
				}
				continue
			}
			r, err := m.Host.Open(ctx, e.Path)
			if err != nil {
				return err
			}
			data, err := io.ReadAll(r)
			r.Close()
			if err != nil {
				return err
			}
			in.patches[strings.TrimPrefix(e.Path, folder+"/")] = data
		}
		return nil
	}
	if err := walk(path.Clean(folder)); err != nil {
		return nil, err
	}
	set, err := patch.Parse(in.patches)
	if err != nil {
		return nil, err
	}
	for _, why := range set.Ignored {
		in.warnings = append(in.warnings, "no patch: "+why)
	}
	return set, nil
}

// theirs finds out what the machine has already.
func (m *Machine) theirs(ctx context.Context, c config.ClusterConfiguration, o InitOptions, in *initInput) (cluster.Theirs, error) {
	t := m.owned(ctx, c, o.Tree)
	switch {
	case t.Network:
	case c.Networking.PodSubnet == "" && in.run.Has("addon/flannel"):
		t.Network = true
		in.warnings = append(in.warnings, "no pod network is installed, because networking.podSubnet is empty: with --pod-network-cidr="+cluster.DefaultPodSubnet+" flannel is, whose CNI plugins are here")
	}
	if o.UploadCerts && t.Authority {
		return t, &WishError{errors.New("the certificates cannot be uploaded: the key of the cluster's authority is not on this machine (external CA); copy them by hand")}
	}
	return t, nil
}

// owned is what a machine that its owner set up has: always a runtime. A kubelet
// whose unit is missing is one that an interrupted run had begun to install.
func (m *Machine) owned(ctx context.Context, c config.ClusterConfiguration, tree bool) cluster.Theirs {
	has := func(p string) bool {
		_, err := m.Host.Stat(ctx, p)
		return !errors.Is(err, fs.ErrNotExist)
	}
	const program = "/usr/bin/kubelet"
	_, begun := m.Prior.Record().Paths[program]
	conf, err := observe.ReadText(ctx, m.Host, cni.ConfFile)
	driver := ""
	if !tree {
		driver = observe.CgroupDriver(ctx, m.Host)
	}
	return cluster.Theirs{
		Runtime: true, Services: tree, Images: tree, CgroupDriver: driver,
		Network:   tree || err != nil || conf != cni.Config() || !has(cni.BinDir+"/flannel"),
		Kubelet:   tree || has(program) && (!begun || has(kubelet.DropInFile)),
		Authority: has(c.CertificatesDir+"/ca.crt") && !has(c.CertificatesDir+"/ca.key"),
	}
}
