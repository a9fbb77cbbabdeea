package operation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"runtime"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/preflight"
	"keelway.dev/keelway/internal/prior"
	"keelway.dev/keelway/internal/report"
)

// missing lists the images that are desired and not in the runtime's store, and
// the programs that are installed from the bundle.
func (m *Machine) missing(ctx context.Context, want desired.Host) (images []desired.Image, binaries []string) {
	have, _ := observe.Images(ctx, m.Host)
	for _, r := range want.Resources {
		for _, i := range r.Images {
			if !have[i.Reference] {
				images = append(images, i)
			}
		}
		for _, f := range r.Files {
			if f.Binary != "" {
				binaries = append(binaries, f.Binary)
			}
		}
	}
	return images, binaries
}

func references(images []desired.Image) (all []string) {
	for _, i := range images {
		all = append(all, i.Reference)
	}
	return all
}

// registryChosen says that the user named a registry, so that what no bundle
// holds may be pulled from it.
func registryChosen(m *cluster.Model) bool {
	return m.Cluster.ImageRepository != config.DefaultImageRepository
}

// checkOwned makes the checks of `up` for a machine that its owner set up, and
// finds out where missing images come from.
func (m *Machine) checkOwned(ctx context.Context, in *work, o Workflow) error {
	record := m.Prior.Record()
	found, err := preflight.Run(ctx, preflight.Target{
		Host: m.Host, Model: in.model, Desired: in.want, Now: m.Now(), Built: o.Built,
		AddressChosen: in.addressChosen,
		Wrote: func(path string) bool {
			_, ok := record.Paths[path]
			return ok || in.joined && path == kubeletConf
		},
		Need: 1 << 30, // the runtime and its images are there
	})
	if err != nil {
		return err
	}
	images, _ := m.missing(ctx, in.want)
	_, noBundle := o.FindBundle(in.model.Cluster.KubernetesVersion)
	if len(images) > 0 && noBundle != nil && !registryChosen(in.model) && !in.model.Theirs.Images {
		found = append(found, preflight.Finding{
			Name:    "ImagePull",
			Message: fmt.Sprintf("%s is not in the runtime's store, and nothing is pulled unasked", strings.Join(references(images), ", ")),
			Fix:     "put the bundle beside keelway or name it with --bundle; or choose a registry with --image-repository; or import the images yourself (`ctr -n k8s.io images import`)",
		})
	}
	names := slices.Concat(o.IgnorePreflight, in.model.Hosts[0].Init.NodeRegistration.IgnorePreflightErrors)
	if found, err = preflight.Ignore(found, names); err != nil {
		return &WishError{err}
	}
	if preflight.Failed(found) {
		return &PreflightError{Lines: preflight.Lines(found)}
	}
	for _, line := range preflight.Lines(found) {
		m.emit(report.Event{Kind: report.Warning, Host: m.Host.Name(), Phase: "preflight", What: line})
	}
	return nil
}

// findPrograms opens the bundle when something of it is needed. Its images get
// the names that the configuration gives them; those that it does not hold, or
// all where there is no bundle, come from the registry that the user chose.
func (m *Machine) findPrograms(ctx context.Context, in *work, o Workflow) (programs, map[string]string, error) {
	images, binaries := m.missing(ctx, in.want)
	p := programs{self: o.Self}
	if len(images)+len(binaries) == 0 {
		return p, nil, nil
	}
	file, err := o.FindBundle(in.model.Cluster.KubernetesVersion)
	if err != nil && len(binaries) > 0 {
		return p, nil, fmt.Errorf("%s is not installed on %s, and there is no bundle to install it from: %w", strings.Join(binaries, ", "), m.Host.Name(), err)
	}
	if err != nil {
		return p, nil, m.pull(ctx, in, images)
	}
	m.emit(report.Event{Kind: report.Step, Host: m.Host.Name(), Phase: "bundle", Step: "bundle/open", What: "open and check the bundle " + file})
	if p.Bundle, err = bundle.Open(ctx, file, prior.Dir+"/bundle"); err != nil {
		return p, nil, err
	}
	var bundled []string
	elsewhere := slices.DeleteFunc(slices.Clone(images), func(i desired.Image) bool {
		_, ok := p.Manifest.Image(i.Bundled)
		if ok || strings.HasPrefix(i.Reference, config.DefaultImageRepository+"/") {
			bundled = append(bundled, i.Bundled)
			return true
		}
		return false
	})
	if err := m.pull(ctx, in, elsewhere); err != nil || len(bundled)+len(binaries) == 0 {
		return p, nil, err
	}
	want := bundle.Want{Kubernetes: in.model.Cluster.KubernetesVersion, OS: runtime.GOOS, Arch: runtime.GOARCH, Images: bundled, Binaries: binaries}
	if err := want.Check(p.Manifest); err != nil {
		return p, nil, fmt.Errorf("bundle %s: %w", file, err)
	}
	sums := map[string]string{}
	for _, name := range binaries {
		_, b, err := p.Binary(name)
		if err != nil {
			return p, nil, err
		}
		sums[name] = b.SHA256
	}
	m.emit(report.Event{Kind: report.Done, Host: m.Host.Name(), Phase: "bundle", Step: "bundle/open", What: "the bundle holds what is missing"})
	return p, sums, nil
}

// pull pulls missing images from the registry that was chosen. Without one they
// are taken out of what is desired: the kubelet pulls them when a pod needs them,
// as kubeadm would have it.
func (m *Machine) pull(ctx context.Context, in *work, images []desired.Image) error {
	if len(images) == 0 {
		return nil
	}
	if !registryChosen(in.model) || in.model.Hosts[0].Init.NodeRegistration.ImagePullPolicy == "Never" {
		for i, r := range in.want.Resources {
			in.want.Resources[i].Images = slices.DeleteFunc(slices.Clone(r.Images), func(i desired.Image) bool { return slices.Contains(images, i) })
		}
		in.want.Resources = slices.DeleteFunc(in.want.Resources, func(r desired.Resource) bool { return r.Phase == "images" && len(r.Images) == 0 })
		return nil
	}
	return PullImages(ctx, m.Host, references(images), func(image string) {
		m.emit(report.Event{Kind: report.Note, Host: m.Host.Name(), Phase: "preflight", What: "pulled " + image})
	})
}

// initDir and joinDir are where the workflows remember the configuration and
// the patches, for later changes of this machine.
const (
	initDir = prior.Dir + "/init"
	joinDir = prior.Dir + "/join"
)

// saveInit writes them down, without tokens and keys.
func (m *Machine) saveInit(ctx context.Context, in *initInput) error {
	init := in.model.Hosts[0].Init
	init.BootstrapTokens, init.CertificateKey, init.SkipPhases, init.DryRun = nil, "", in.set.Init.SkipPhases, false
	documents := []any{init, in.model.Cluster}
	if in.model.KubeletSupplied {
		documents = append(documents, in.model.Kubelet)
	}
	if in.model.ProxySupplied {
		documents = append(documents, in.model.Proxy)
	}
	return m.save(ctx, initDir, &in.work, documents...)
}

// save writes a workflow's configuration and patches below a folder. Only what
// has changed is written.
func (m *Machine) save(ctx context.Context, dir string, in *work, documents ...any) error {
	var parts [][]byte
	for _, d := range documents {
		parts = append(parts, config.Marshal(d))
	}
	files := map[string][]byte{"config.yaml": bytes.Join(parts, []byte("---\n"))}
	for name, data := range in.patches {
		files["patches/"+name] = data
	}
	theirs, err := json.Marshal(in.model.Theirs)
	if err != nil {
		return err
	}
	files["machine.json"] = append(theirs, '\n')
	for _, name := range slices.Sorted(maps.Keys(files)) {
		p := path.Join(dir, name)
		if old, err := observe.ReadText(ctx, m.Host, p); err == nil && old == string(files[name]) {
			continue
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := m.Host.Put(ctx, host.Entry{Path: p, Mode: 0o600}, bytes.NewReader(files[name])); err != nil {
			return err
		}
	}
	return nil
}
