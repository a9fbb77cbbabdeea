package lab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"keelway.dev/keelway/internal/lab/cgroup"
)

// portOf is the name of the link by which a host hangs on the bridge.
func (l *Lab) portOf(h Host) (string, error) {
	name := l.wholePort(h)
	if len(name) < unix.IFNAMSIZ {
		return name, nil
	}
	link, err := netlink.LinkByName(name)
	if err != nil {
		return "", fmt.Errorf("cannot find the link of %s, which a running host has (`keelway lab start`): %w", h.Name, err)
	}
	return link.Attrs().Name, nil
}

// wholePort finds a host's link. systemd-nspawn names it after the machine, and
// shortens what is too long for a link; then this is another name of it.
func (l *Lab) wholePort(h Host) string { return "vb-" + l.machine(h) }

// clear removes what a host that has ended may have left: processes and cgroups,
// and its link, which the kernel removes some time after the last process and
// which would stand in the way of the next boot.
func (l *Lab) clear(ctx context.Context, h Host) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := cgroup.Remove(ctx, l.cgroupOf(h)); err != nil {
		return err
	}
	link, err := netlink.LinkByName(l.wholePort(h))
	if err == nil {
		err = netlink.LinkDel(link)
	}
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) || errors.Is(err, unix.ENODEV) {
		return nil // the kernel was faster
	}
	if err != nil {
		return fmt.Errorf("cannot remove the link %s of %s: %w", l.wholePort(h), h.Name, err)
	}
	return nil
}
