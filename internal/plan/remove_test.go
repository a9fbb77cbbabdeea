package plan

import (
	"slices"
	"testing"

	"keelway.dev/keelway/internal/observed"
)

func TestMakeRemoval(t *testing.T) {
	files := observed.Residue{
		Mounts: []string{"/run/containerd/a"}, Links: []string{"cni0"}, Chains: []string{"iptables filter KUBE-FIREWALL"}, Tables: []string{"ip kube-proxy"}, Cgroups: []string{"/sys/fs/cgroup/cpu/kubepods"},
		Sysctls: []string{"kernel.panic=0"}, Restore: []string{"/etc/crictl.yaml"}, Paths: []string{"/etc/containerd/config.toml", "/etc/kubernetes"},
		Empty: []string{"/etc/cni"}, Daemon: true,
	}
	with := func(change func(*observed.Residue)) observed.Residue {
		left := files
		change(&left)
		return left
	}
	all := []string{"down/mounts", "down/links", "down/chains", "down/tables", "down/cgroups", "down/sysctls", "down/supervisor", "down/restore", "down/paths", "down/folders"}
	for _, row := range []struct {
		name  string
		left  observed.Residue
		want  []string
		notes int
	}{
		{name: "nothing is left"},
		{name: "nothing runs", left: files, want: all},
		{name: "a cluster runs: end it, and look again before anything is removed", want: []string{"down/services", "down/pods", "down/runtime"},
			left: with(func(l *observed.Residue) {
				l.Services, l.Pods, l.Runtime, l.Processes = []string{"kubelet"}, []string{"p"}, true, []string{"7 pause"}
			})},
		{name: "the kubelet runs and the runtime lists no pod yet: it may be starting one", want: []string{"down/services", "down/pods", "down/runtime"},
			left: with(func(l *observed.Residue) { l.Services, l.Runtime = []string{"kubelet"}, true })},
		{name: "only the runtime runs", want: []string{"down/runtime"}, left: with(func(l *observed.Residue) { l.Runtime = true })},
		{name: "a pod outlived its runtime", want: []string{"down/processes"},
			left: with(func(l *observed.Residue) { l.Processes = []string{"7 containerd-shim-runc-v2", "8 pause"} })},
		{name: "others use the runtime: pods go, the runtime stays", notes: 1, want: []string{"down/services", "down/pods"},
			left: with(func(l *observed.Residue) {
				l.Services, l.Pods, l.Runtime, l.OtherNamespaces = []string{"kubelet"}, []string{"p"}, true, []string{"default"}
			})},
		{name: "others use the runtime: so do its files", notes: 1,
			want: []string{"down/links", "down/chains", "down/tables", "down/cgroups", "down/sysctls", "down/restore", "down/paths"},
			left: with(func(l *observed.Residue) { l.Runtime, l.OtherNamespaces = true, []string{"default"} })},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := MakeRemoval("h", row.left)
			var ids []string
			for i, s := range p.Steps {
				ids = append(ids, s.ID())
				if i > 0 && !slices.Contains(s.Needs, p.Steps[i-1].ID()) {
					t.Errorf("%s does not wait for %s", s.ID(), p.Steps[i-1].ID())
				}
			}
			if !slices.Equal(ids, row.want) {
				t.Errorf("steps %v, want %v", ids, row.want)
			}
			if len(p.Notes) != row.notes {
				t.Errorf("notes %q, want %d", p.Notes, row.notes)
			}
			for _, s := range p.Steps {
				if targets := s.Resource.Residue.Targets; row.notes > 0 && (slices.Contains(targets, "/etc/containerd/config.toml") || slices.Contains(targets, "/etc/cni")) {
					t.Error("what a runtime that stays cannot do without is removed")
				}
			}
		})
	}
}
