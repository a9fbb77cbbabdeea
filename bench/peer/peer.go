// Package peer makes the cluster that Keelway is compared with: the real kubeadm, used as its guides say.
package peer

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/cni"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/prior"
	"keelway.dev/keelway/internal/service"
)

// Peer is one cluster made with kubeadm on this machine. What it makes lies in
// the same places as Keelway's and is written down like it, so that
// `keelway down` removes it.
type Peer struct {
	// Kubeadm is the program; Keelway is what plays the init system's part
	// where none runs.
	Kubeadm, Keelway string
	Host             host.Host
	Services         service.Manager
	// Model is the cluster, with kubeadm's defaults.
	Model *cluster.Model
	// Images are what the machine needs, nil for all that the model does.
	Images []string
	// Log takes the output of every program.
	Log io.Writer
	// Work is an empty folder for the configuration and manifests.
	Work string
	// LateNetwork leaves the network's configuration to flannel, which writes
	// it when it runs. Else it is there beforehand, as on Keelway's side.
	LateNetwork bool
}

// part is a group of files of the same story that Keelway tells.
type part []string

// The files that a person puts on the machine before kubeadm: the runtime as
// its guide says, and what Debian's kubelet, kubeadm and kubernetes-cni
// packages hold.
func runtimePart() part { return part{"runtime/programs", "runtime/config"} }

func (p *Peer) nodePart() part {
	if p.LateNetwork {
		return part{"kubelet-start/programs", "cni/plugins"}
	}
	return part{"kubelet-start/programs", "cni/plugins", "cni/config"}
}

// Remember writes down what the machine was, before anything is put on it.
func (p *Peer) Remember(ctx context.Context) error {
	book, err := prior.Open(ctx, p.Host)
	if err != nil {
		return err
	}
	// flannel writes the network's configuration where nobody else did.
	paths := append(desired.FilledFolders(), desired.SelfPath, cni.ConfDir, cni.ConfFile)
	for _, part := range []part{runtimePart(), p.nodePart()} {
		files, err := p.files(part)
		if err != nil {
			return err
		}
		for _, f := range files {
			paths = append(paths, f.Path)
		}
	}
	settings := map[string]string{}
	for _, name := range desired.TouchedSysctls() {
		if value, err := observe.ReadSysctl(ctx, p.Host, name); err == nil {
			settings[name] = value
		}
	}
	return book.Remember(ctx, paths, settings)
}

// files finds the files of a part.
func (p *Peer) files(part part) ([]desired.File, error) {
	var files []desired.File
	resources := desired.For(p.Model, 0).Resources
	for _, id := range part {
		i := slices.IndexFunc(resources, func(r desired.Resource) bool { return r.ID == id })
		if i < 0 {
			return nil, fmt.Errorf("no step %s in `keelway explain`: the benchmark's list is out of date", id)
		}
		files = append(files, resources[i].Files...)
	}
	return files, nil
}

// Programs returns the path of a program's bytes, by its name in the bundle.
type Programs func(name string) (path string, err error)

// put places the files of a part, the way cp does: nothing is synced.
func (p *Peer) put(part part, programs Programs) error {
	files, err := p.files(part)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := putFile(f, programs); err != nil {
			return err
		}
	}
	return nil
}

// Place puts the kubelet, kubectl, the CNI plugins and their files on a
// machine whose runtime is there already, and lets the kernel forward.
func (p *Peer) Place(programs Programs) error {
	if err := p.put(p.nodePart(), programs); err != nil {
		return err
	}
	return p.forward()
}

// forward sets what kubeadm's preflight asks for, as `sysctl -w` does.
func (p *Peer) forward() error {
	for _, r := range desired.For(p.Model, 0).Resources {
		for _, s := range r.Sysctls {
			if err := writeFile(observe.SysctlPath(s.Name), 0o644, []byte(s.Value+"\n")); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Peer) work(name string) string { return filepath.Join(p.Work, name) }
