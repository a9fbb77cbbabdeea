// Package image makes the Debian root that a lab's hosts are made of, once, and keeps it.
package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Cache holds the roots that hosts are made of, one folder for each content.
const Cache = "/var/cache/keelway-lab"

// packages are what a host holds beside Debian's smallest system.
func packages() []string {
	return []string{
		"systemd", "systemd-sysv", "dbus", "openssh-server", "ca-certificates",
		"iproute2", "iptables", "nftables", "conntrack", "kmod", "ethtool", "socat", "procps", "util-linux", "mount",
	}
}

// suite is the Debian release of a host.
const suite = "bookworm"

// Make makes the root that hosts are made of, or finds it in the cache, and
// returns its folder. Its name is the sum of what it is made of; say is told what
// takes long.
func Make(ctx context.Context, say func(string)) (string, error) {
	recipe := suite + "\n" + strings.Join(packages(), ",") + "\n"
	for _, f := range files() {
		recipe += f.path + "\n" + f.text
	}
	sum := sha256.Sum256([]byte(recipe))
	dir := filepath.Join(Cache, hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	for _, tool := range []string{"debootstrap", "systemd-nspawn"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", fmt.Errorf("%s is not installed: `apt-get install debootstrap systemd-container openssh-client`", tool)
		}
	}
	mirror, err := debianMirror()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(Cache, 0o755); err != nil {
		return "", err
	}
	temp, err := os.MkdirTemp(Cache, ".making-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	if err := os.Chmod(temp, 0o755); err != nil {
		return "", err
	}
	say("install Debian " + suite + ", which is done once and kept in " + Cache)
	c := exec.CommandContext(ctx, "debootstrap", "--variant=minbase", "--include="+strings.Join(packages(), ","), suite, temp, mirror)
	c.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("debootstrap: %w\n%s", err, tail(string(out), 10))
	}
	if err := finish(temp); err != nil {
		return "", err
	}
	return dir, os.Rename(temp, dir)
}

// debianMirror is where this machine itself gets Debian from.
func debianMirror() (string, error) {
	for _, pattern := range []string{"/etc/apt/sources.list", "/etc/apt/sources.list.d/*"} {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				continue
			}
			if m := firstMirror(string(text)); m != "" {
				return m, nil
			}
		}
	}
	return "", errors.New("no Debian archive is named in /etc/apt/sources.list or /etc/apt/sources.list.d: a lab's hosts are installed from the one that this machine uses")
}

// firstMirror reads both forms of apt's lists: "deb [options] URI suite ..."
// and "URIs: URI".
func firstMirror(list string) string {
	for line := range strings.Lines(list) {
		for i, word := range strings.Fields(line) {
			if i == 0 && word != "deb" && word != "URIs:" {
				break
			}
			if strings.HasPrefix(word, "http") && !strings.Contains(word, "security") {
				return word
			}
		}
	}
	return ""
}

// file is one that every host has; a link's text is "-> target".
type file struct {
	path, text string
	mode       fs.FileMode
}

func files() []file {
	return []file{
		// systemd-nspawn leaves the controllers read-only, and the kubelet makes
		// its pods' cgroups in them.
		{"/etc/systemd/system/lab-cgroups.service", `[Unit]
Description=Make the cgroup controllers writable
DefaultDependencies=no
Before=sysinit.target
ConditionPathIsMountPoint=/sys/fs/cgroup/cpu

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'for c in /sys/fs/cgroup/*; do mountpoint -q "$c" && mount -o remount,bind,rw "$c" || true; done'

[Install]
WantedBy=sysinit.target
`, 0o644},
		// networkd would wait for udev, which no namespace has.
		{"/etc/systemd/system/lab-network.service", `[Unit]
Description=Give host0 its address
DefaultDependencies=no
After=sysinit.target
Before=network.target network-online.target sshd.service ssh.service
Wants=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
EnvironmentFile=/etc/lab-network
ExecStart=/usr/sbin/ip link set host0 up
ExecStart=/usr/sbin/ip address replace ${ADDRESS} dev host0
ExecStart=/usr/sbin/ip route replace default via ${GATEWAY}

[Install]
WantedBy=multi-user.target
`, 0o644},
		{"/etc/ssh/sshd_config.d/lab.conf", "PermitRootLogin prohibit-password\nPasswordAuthentication no\nUseDNS no\n", 0o644},
		{"/etc/systemd/system/sysinit.target.wants/lab-cgroups.service", "-> ../lab-cgroups.service", fs.ModeSymlink},
		{"/etc/systemd/system/multi-user.target.wants/lab-network.service", "-> ../lab-network.service", fs.ModeSymlink},
		{"/etc/systemd/system/systemd-networkd.service", "-> /dev/null", fs.ModeSymlink},
		{"/etc/systemd/system/systemd-networkd.socket", "-> /dev/null", fs.ModeSymlink},
		{"/etc/systemd/system/systemd-networkd-wait-online.service", "-> /dev/null", fs.ModeSymlink},
		{"/etc/systemd/system/getty.target", "-> /dev/null", fs.ModeSymlink},
		{"/etc/systemd/system/console-getty.service", "-> /dev/null", fs.ModeSymlink},
		{"/etc/systemd/system/apt-daily.timer", "-> /dev/null", fs.ModeSymlink},
		{"/etc/systemd/system/apt-daily-upgrade.timer", "-> /dev/null", fs.ModeSymlink},
	}
}

// finish makes a fresh root into one that boots here: its own services, and
// nothing that two hosts must not share.
func finish(root string) error {
	for _, f := range files() {
		path := filepath.Join(root, f.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if target, ok := strings.CutPrefix(f.text, "-> "); ok {
			_ = os.Remove(path)
			if err := os.Symlink(target, path); err != nil {
				return err
			}
			continue
		}
		if err := os.WriteFile(path, []byte(f.text), f.mode); err != nil {
			return err
		}
	}
	keys, err := filepath.Glob(filepath.Join(root, "etc/ssh/ssh_host_*"))
	if err != nil {
		return err
	}
	for _, path := range append(keys, filepath.Join(root, "etc/machine-id"), filepath.Join(root, "var/lib/dbus/machine-id"), filepath.Join(root, "etc/hostname")) {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return os.RemoveAll(filepath.Join(root, "var/cache/apt/archives"))
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
