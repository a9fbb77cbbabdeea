package operation

import (
	"context"
	"io/fs"
	"strings"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/containerd"
	"keelway.dev/keelway/internal/desired/flannel"
	"keelway.dev/keelway/internal/desired/kubelet"
	"keelway.dev/keelway/internal/diagnose/component"
	"keelway.dev/keelway/internal/diagnose/state"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observed"
)

// Stage is one of the four stages in which a machine becomes a node, as the
// guides to kubeadm tell it: what is there when it is done.
type Stage struct {
	Number int    `json:"number"`
	Name   string `json:"name"`
	// Done is true when every file is there and every component is as it should be.
	Done       bool             `json:"done"`
	Files      []StageFile      `json:"files"`
	Components []StageComponent `json:"components"`
}

// StageFile is a file that the stage leaves behind.
type StageFile struct {
	Path string `json:"path"`
	Role string `json:"role"`
	// Writer is the step of `up`, or the component that writes it while it runs.
	Writer string `json:"writer"`
	Exists bool   `json:"exists"`
	// Mode is in octal, as it is, or "link".
	Mode string `json:"mode,omitempty"`
	// Optional files are yours to make or leave.
	Optional bool `json:"optional,omitempty"`
}

// StageComponent is how a component should be after the stage, and how it is now.
type StageComponent struct {
	Name   string         `json:"name"`
	Runs   component.Kind `json:"runs"`
	Should string         `json:"should"`
	Now    state.Health   `json:"now"`
}

// What a component does after a stage.
const (
	notThere  = "-"
	running   = "running"
	crashLoop = "waits for its configuration"
	waiting   = "waits for the pod network"
)

// stageNames are the stages in order.
func stageNames(want desired.Host) []string {
	third := "control plane initialised"
	if isWorker(want) {
		third = "cluster joined"
	}
	return []string{"runtime installed", "kubelet installed", third, "network installed"}
}

// isWorker is true of what a node without a control plane holds.
func isWorker(want desired.Host) bool { return find(want, "control-plane/apiserver").ID == "" }

// stageOf says to which stage a step of `up` belongs; 0 is none. `up` itself
// writes the CNI configuration before it starts the kubelet, so that the node
// is ready sooner; on the map it belongs to the network.
func stageOf(r desired.Resource) int {
	switch {
	case r.Phase == "runtime":
		return 1
	case r.ID == "kubelet-start/programs", r.ID == "cni/plugins":
		return 2
	case r.Phase == "cni", r.Phase == "addon":
		return 4
	}
	switch r.Phase {
	case "certs", "kubeconfig", "hardening", "etcd", "control-plane", "kubelet-start", "approver", "load-balancer":
		return 3
	}
	return 0
}

// byComponents are files of the map that no step writes.
func byComponents(want desired.Host) map[int][]StageFile {
	serving := StageFile{Path: kubelet.Dir + "/pki/kubelet.crt", Role: "the kubelet's serving certificate, signed by itself", Writer: "kubelet"}
	for _, f := range find(want, "kubelet-start/config").Files {
		if strings.Contains(string(f.Content), "serverTLSBootstrap: true") {
			serving = StageFile{Path: kubelet.Dir + "/pki/kubelet-server-current.pem", Role: "the kubelet's serving certificate, signed by the cluster's authority", Writer: "kubelet"}
		}
	}
	extra := map[int][]StageFile{
		1: {{Path: containerd.Socket, Role: "where the kubelet speaks with containerd", Writer: "containerd"}},
		2: {{Path: "/etc/default/kubelet", Role: "your own arguments for the kubelet (KUBELET_EXTRA_ARGS)", Writer: "you", Optional: true}},
		3: {serving},
	}
	subnet := StageFile{Path: flannel.SubnetFile, Role: "this node's range of pod addresses", Writer: "flannel"}
	if isWorker(want) {
		extra[3] = append(extra[3],
			StageFile{Path: kubeletConf, Role: "this node's identity", Writer: "kubelet"},
			StageFile{Path: kubelet.ClientFile, Role: "its certificate and key, which the kubelet renews", Writer: "kubelet"})
		extra[4] = append(extra[4], subnet)
	}
	for _, r := range want.Resources {
		if r.Wait != nil && r.Wait.Target == subnet.Path {
			extra[4] = append(extra[4], subnet)
		}
		if r.ID == "etcd/data" {
			extra[3] = append(extra[3], StageFile{Path: r.Files[0].Path + "/member", Role: "etcd's database and log", Writer: "etcd"})
		}
	}
	return extra
}

// stages is the map, with every file and component as it is now.
func stages(ctx context.Context, h host.Host, want desired.Host, seen observed.Host, components []ComponentStatus, ready bool) []Stage {
	files := byComponents(want)
	for n, list := range files {
		for i, f := range list {
			if e, err := h.Stat(ctx, f.Path); err == nil {
				files[n][i].Exists, files[n][i].Mode = true, shownMode(e.Mode)
			}
		}
	}
	for _, r := range want.Resources {
		n := stageOf(r)
		if n == 0 {
			continue
		}
		for _, f := range explainFiles(want, r) {
			if f.Kind == "directory" {
				continue
			}
			s := StageFile{Path: f.Path, Role: f.Note, Writer: r.ID}
			if have, ok := seen.Files[f.Path]; ok {
				s.Exists, s.Mode = true, shownMode(have.Mode)
			}
			files[n] = append(files[n], s)
		}
	}
	var list []Stage
	for i, name := range stageNames(want) {
		s := Stage{Number: i + 1, Name: name, Files: files[i+1], Done: true}
		for _, f := range s.Files {
			s.Done = s.Done && (f.Exists || f.Optional)
		}
		for _, c := range components {
			should := after(c, s.Number)
			s.Components = append(s.Components, StageComponent{Name: c.Name, Runs: c.Runs, Should: should, Now: c.Health})
			s.Done = s.Done && (should != running || c.Health == state.Healthy)
		}
		if s.Number == len(stageNames(want)) {
			s.Done = s.Done && ready
		}
		list = append(list, s)
	}
	return list
}

// shownMode says nothing of a link's own bits, which mean nothing.
func shownMode(m fs.FileMode) string {
	if m&fs.ModeSymlink != 0 {
		return "link"
	}
	return octal(m)
}

// after is how a component should be once a stage is done, on a machine that is
// set up by hand in these stages.
func after(c ComponentStatus, stage int) string {
	switch {
	case c.Name == "containerd", stage == 4:
		return running
	case c.Name == "kubelet" && stage == 2:
		return crashLoop
	case stage < 3, c.Name == "flannel":
		return notThere
	case strings.HasPrefix(c.Name, "coredns"):
		return waiting
	}
	return running
}
