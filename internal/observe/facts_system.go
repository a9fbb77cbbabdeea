package observe

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"keelway.dev/keelway/internal/host"
)

// runsSystemd asks for a running systemd, not for an installed one: PID 1 has
// its name, and it made the folder by which sd_booted(3) knows it.
func runsSystemd(ctx context.Context, h host.Host) (bool, error) {
	comm, err := ReadText(ctx, h, "/proc/1/comm")
	if err != nil {
		return false, err
	}
	if strings.TrimSpace(comm) != "systemd" {
		return false, nil
	}
	e, err := h.Stat(ctx, "/run/systemd/system")
	if absent(err) {
		return false, nil
	}
	return err == nil && e.Mode.IsDir(), err
}

// runsResolved says whether /etc/resolv.conf points at systemd-resolved's stub
// on a loopback address, which pods cannot reach.
func runsResolved(ctx context.Context, h host.Host, systemd bool) (bool, error) {
	if !systemd {
		return false, nil
	}
	is, err := exists(ctx, h, "/run/systemd/resolve/resolv.conf")
	if err != nil || !is {
		return false, err
	}
	r, err := h.Run(ctx, host.Command{Argv: []string{"systemctl", "is-active", "--quiet", "systemd-resolved"}})
	return err == nil && r.Code == 0, err
}

// capSysResource is the capability's bit, from capability.h.
const capSysResource = 24

// canLowerOOMScore looks at the capabilities of the process that containerd
// will be a child of: PID 1 under systemd, else the one that runs commands here.
func canLowerOOMScore(ctx context.Context, h host.Host, systemd bool) (bool, error) {
	path := "/proc/self/status"
	if systemd {
		path = "/proc/1/status"
	}
	status, err := ReadText(ctx, h, path)
	if err != nil {
		return false, err
	}
	set, err := strconv.ParseUint(StatusField(status, "CapEff"), 16, 64)
	if err != nil {
		return false, fmt.Errorf("CapEff in %s: %w", path, err)
	}
	return set&(1<<capSysResource) != 0, nil
}

const conntrackMax = "/proc/sys/net/netfilter/nf_conntrack_max"

// conntrackWritable needs no attempt to write. The kernel shows
// net.core.netdev_max_backlog in the first network namespace only, and takes
// the write bits off nf_conntrack_max in every other one.
func conntrackWritable(ctx context.Context, h host.Host, mounts []Mount) (bool, error) {
	if MountOf(mounts, conntrackMax).ReadOnly {
		return false, nil
	}
	first, err := exists(ctx, h, "/proc/sys/net/core/netdev_max_backlog")
	if err != nil || !first {
		return false, err
	}
	e, err := h.Stat(ctx, conntrackMax)
	if absent(err) {
		// The module is not loaded yet; the first rule that tracks loads it.
		return true, nil
	}
	return err == nil && e.Mode.Perm()&0o200 != 0, err
}

// CgroupVersion is 2 where the unified hierarchy is the one at /sys/fs/cgroup,
// which is what the kubelet and runc look at, and 1 elsewhere.
func CgroupVersion(mounts []Mount) int {
	if m := MountOf(mounts, "/sys/fs/cgroup"); m.Point == "/sys/fs/cgroup" && m.Type == "cgroup2" {
		return 2
	}
	return 1
}
