package machine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/desired/containerd"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/preflight/subject"
)

// part is a feature of the kernel with what stands on it.
type part struct {
	observe.Feature
	why string
}

func parts(proxy, nftables bool) []part {
	all := []part{
		{observe.Feature{Module: "overlay", Option: "OVERLAY_FS", Symbol: "ovl_mount"},
			"containerd joins an image's layers with it"},
		{observe.Feature{Module: "veth", Option: "VETH", Symbol: "veth_xmit"},
			"each pod's network card is one"},
		{observe.Feature{Module: "bridge", Option: "BRIDGE", Symbol: "br_handle_frame"},
			"the pods of a host are joined by one"},
		{observe.BridgeFilter(), "without it a pod that calls a Service is not answered by a pod on the same host"},
		{observe.Feature{Module: "vxlan", Option: "VXLAN", Symbol: "vxlan_xmit"},
			"flannel carries packets between hosts with it"},
		{observe.Feature{Module: "nf_conntrack", Option: "NF_CONNTRACK", Witness: "/proc/sys/net/netfilter/nf_conntrack_max", Symbol: "nf_conntrack_in"},
			"kube-proxy's rules stand on it"},
	}
	switch {
	case !proxy:
		return all
	case nftables:
		return append(all, part{observe.NFTables(), "kube-proxy writes its rules there"})
	}
	return append(all, part{observe.Feature{Module: "ip_tables", Option: "IP_NF_IPTABLES", Symbol: "ipt_do_table"},
		"kube-proxy writes its rules there"})
}

// Modules finds parts of the kernel that are neither built in nor there as a
// module: what can be loaded is loaded by the kernel at its first use, or by up.
func Modules(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	k, err := s.Kernel(ctx)
	if err != nil {
		return nil, err
	}
	var found []subject.Finding
	for _, p := range parts(!s.Model.Cluster.Proxy.Disabled, s.Model.Proxy.Mode == "nftables") {
		have, err := k.Has(ctx, p.Feature)
		if err != nil {
			return nil, err
		}
		if have == observe.Absent {
			found = append(found, subject.Finding{
				Message: fmt.Sprintf("kernel %s has no %s, built in or as a module: %s", k.Release, p.Module, p.why),
				Fix:     fmt.Sprintf("if the kernel was upgraded since the last boot, reboot; else install the package with its modules, and see `modprobe %s`", p.Module),
			})
		}
	}
	return found, nil
}

// unfit are file systems that overlayfs cannot have its writable layer on.
func unfit() []string {
	return []string{"overlay", "aufs", "ecryptfs", "nfs", "nfs4", "cifs", "9p", "vfat", "exfat", "ntfs", "fuse.sshfs"}
}

// Snapshotter finds a store of images on a file system that cannot hold
// overlayfs, such as overlayfs itself.
func Snapshotter(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	mounts, err := s.Mounts(ctx)
	if err != nil {
		return nil, err
	}
	m := observe.MountOf(mounts, containerd.Root)
	if !slices.Contains(unfit(), m.Type) {
		return nil, nil
	}
	return []subject.Finding{{
		Message: fmt.Sprintf("%s lies on %s (mounted at %s), which cannot hold the layers of containers: every pod would fail with \"invalid argument\"", containerd.Root, m.Type, m.Point),
	}}, nil
}

// CgroupDriver finds a kubelet that would manage cgroups in another way than
// the init system or the container runtime does.
func CgroupDriver(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	driver, facts := s.Model.Kubelet.CgroupDriver, s.Node().Facts
	var found []subject.Finding
	switch {
	case driver == "systemd" && !facts.Systemd:
		found = append(found, subject.Finding{
			Message: "the kubelet's cgroupDriver is systemd, but systemd is not the running init system: no pod would start",
			Fix:     "set cgroupDriver: cgroupfs in the KubeletConfiguration",
		})
	case driver == "cgroupfs" && facts.SystemdCgroups():
		found = append(found, subject.Finding{
			Warning: true,
			Message: "the kubelet's cgroupDriver is cgroupfs, and systemd manages this host's cgroups too: under load the two disagree",
			Fix:     "set cgroupDriver: systemd in the KubeletConfiguration",
		})
	}
	theirs, file, err := runtimeDriver(ctx, s)
	if err == nil && theirs != "" && driver != "" && theirs != driver {
		found = append(found, subject.Finding{
			Message: fmt.Sprintf("the kubelet's cgroupDriver is %s, but the container runtime that is there uses %s (SystemdCgroup in %s): pods would be killed as soon as they start", driver, theirs, file),
			Fix:     fmt.Sprintf("set cgroupDriver: %s in the KubeletConfiguration, or SystemdCgroup in %s, and restart containerd", theirs, file),
		})
	}
	return found, err
}

// runtimeDriver reads the driver from the configuration of a containerd that
// Keelway did not install; "" where there is none.
func runtimeDriver(ctx context.Context, s *subject.Subject) (driver, file string, err error) {
	r, err := s.Runtime(ctx)
	if err != nil || !r.Known || r.Ours || r.Name() != "containerd" {
		return "", "", err
	}
	text, err := s.Text(ctx, r.Config())
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, "=")
		value, _, _ = strings.Cut(value, "#")
		if ok && strings.TrimSpace(key) == "SystemdCgroup" && strings.TrimSpace(value) == "true" {
			return "systemd", r.Config(), nil
		}
	}
	return "cgroupfs", r.Config(), err
}
