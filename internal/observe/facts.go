package observe

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired/kubelet"
	"keelway.dev/keelway/internal/host"
)

// dataFolder is below which images, volumes and etcd's data grow.
const dataFolder = "/var/lib"

// caFolders are kubeadm's optional host folders of CA certificates, which the
// control plane mounts where they exist. /etc/ssl/certs is mounted always.
func caFolders() []string {
	return []string{
		"/etc/ca-certificates",
		"/etc/pki/ca-trust",
		"/etc/pki/tls/certs",
		"/usr/local/share/ca-certificates",
		"/usr/share/ca-certificates",
	}
}

// CAFolders lists those of kubeadm's optional folders of CA certificates that
// the host has.
func CAFolders(ctx context.Context, h host.Host) ([]string, error) {
	var found []string
	for _, dir := range caFolders() {
		is, err := exists(ctx, h, dir)
		if err != nil {
			return nil, err
		}
		if is {
			found = append(found, dir)
		}
	}
	return found, nil
}

// Facts reads what a host cannot change and desired depends on: files of
// /proc, /sys and /etc, df for the free disk, and systemctl where systemd
// runs. Hostname is the kernel's, in its own case. An error says which fact
// cannot be had and why.
func Facts(ctx context.Context, h host.Host) (cluster.Facts, error) {
	var f cluster.Facts
	g, ctx := errgroup.WithContext(ctx)
	fact := func(name string, read func() error) {
		g.Go(func() error {
			if err := read(); err != nil {
				return fmt.Errorf("cannot find out %s of %s: %w", name, h.Name(), err)
			}
			return nil
		})
	}
	fact("the host name", func() error {
		name, err := ReadText(ctx, h, "/proc/sys/kernel/hostname")
		f.Hostname = strings.TrimSpace(name)
		return err
	})
	fact("the addresses", func() error {
		n, err := reachable(ctx, h)
		if err != nil {
			return err
		}
		for _, a := range n.Global() {
			f.Addresses = append(f.Addresses, a.IP.String())
		}
		f.Interface, f.MTU, err = carrier(ctx, h, n)
		return err
	})
	fact("the cgroup version and whether conntrack can be set", func() error {
		mounts, err := ReadMounts(ctx, h)
		if err != nil {
			return err
		}
		f.CgroupVersion = CgroupVersion(mounts)
		f.ConntrackWritable, err = conntrackWritable(ctx, h, mounts)
		return err
	})
	kernel := sync.OnceValues(func() (*Kernel, error) { return ReadKernel(ctx, h) })
	fact("whether nftables works", func() (err error) {
		k, err := kernel()
		if err != nil {
			return err
		}
		f.NFTables, err = k.nftables(ctx)
		return err
	})
	fact("the init system and its services", func() (err error) {
		if f.Systemd, err = runsSystemd(ctx, h); err != nil {
			return err
		}
		if f.SystemdResolved, err = runsResolved(ctx, h, f.Systemd); err != nil {
			return err
		}
		f.OOMScoreAdjustable, err = canLowerOOMScore(ctx, h, f.Systemd)
		return err
	})
	fact("the folders of CA certificates", func() (err error) {
		f.CAFolders, err = CAFolders(ctx, h)
		return err
	})
	fact("whether bridges can be filtered", func() (err error) {
		if f.BridgeNetfilter, err = exists(ctx, h, "/proc/sys/net/bridge"); err != nil {
			return err
		}
		k, err := kernel()
		if err != nil {
			return err
		}
		files, err := k.modules(ctx)
		if module := BridgeFilter().Module; files.loadable[module] {
			f.BridgeNetfilter, f.BridgeModule = true, module
		}
		return err
	})
	fact("the proxy settings", func() error {
		text, err := ReadText(ctx, h, "/proc/self/environ")
		f.ProxyEnvironment = proxies(text)
		return err
	})
	fact("the free disk", func() (err error) {
		if gauge, ok := h.(host.Gauge); ok {
			f.DiskFreePercent, err = gauge.FreePercent(ctx, dataFolder)
			return err
		}
		d, err := ReadDisk(ctx, h, dataFolder)
		f.DiskFreePercent = d.FreePercent()
		return err
	})
	fact("the kubelet's thresholds", func() error {
		text, err := ReadText(ctx, h, kubelet.ConfigFile)
		if absent(err) {
			return nil
		}
		lowered := strings.Contains(text, "\nevictionHard:")
		f.EvictionLowered = &lowered
		return err
	})
	if err := g.Wait(); err != nil {
		return cluster.Facts{}, err
	}
	return f, nil
}

// proxies takes from an environment, as /proc shows it, the variables that
// kubeadm hands to the control plane: those with a value whose name ends in
// _proxy. They are sorted, so that a manifest does not depend on the shell.
func proxies(environ string) []config.EnvVar {
	var found []config.EnvVar
	for setting := range strings.SplitSeq(environ, "\x00") {
		name, value, _ := strings.Cut(setting, "=")
		if value != "" && strings.HasSuffix(strings.ToLower(name), "_proxy") {
			found = append(found, config.EnvVar{EnvVar: corev1.EnvVar{Name: name, Value: value}})
		}
	}
	slices.SortFunc(found, func(a, b config.EnvVar) int { return strings.Compare(a.Name, b.Name) })
	return found
}

// carrier names the link of the first global address, with its MTU in bytes.
// A host with no such address has no carrier, which is for preflight to say.
func carrier(ctx context.Context, h host.Host, n Network) (link string, mtu int, err error) {
	global := n.Global()
	if len(global) == 0 {
		return "", 0, nil
	}
	link = global[0].Interface
	if link == "" {
		link = n.DefaultInterface()
	}
	if link == "" {
		return "", 0, nil
	}
	text, err := ReadText(ctx, h, "/sys/class/net/"+link+"/mtu")
	if absent(err) {
		// /sys shows the network namespace that it was mounted in.
		text, err = ReadText(ctx, h, "/proc/sys/net/ipv6/conf/"+link+"/mtu")
	}
	if err != nil {
		return "", 0, fmt.Errorf("the MTU of %s: %w", link, err)
	}
	mtu, err = strconv.Atoi(strings.TrimSpace(text))
	return link, mtu, err
}
