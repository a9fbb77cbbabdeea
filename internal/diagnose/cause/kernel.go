package cause

import "keelway.dev/keelway/internal/diagnose/evidence"

func kernelRules() []rule {
	return []rule{
		{
			name:    "apparmor",
			pattern: `(?i)apparmor failed to apply profile|apparmor[^:]*(?:not supported|not loaded|is not enabled)|unable to apply apparmor profile`,
			say: func(evidence.Evidence, match) (string, string) {
				return "the container's AppArmor profile cannot be applied", "load the profiles with `systemctl restart apparmor` or `apparmor_parser`; where the kernel has no AppArmor, it must be off for containerd too (disable_apparmor = true)" + again
			},
		},
		{
			name:    "seccomp",
			pattern: `(?i)seccomp[^:]*(?:not supported|is not enabled)|(?:unable to init|error adding|cannot load|unable to load) seccomp|seccomp: config provided but`,
			say: func(evidence.Evidence, match) (string, string) {
				return "the container's seccomp profile cannot be applied: the kernel or runc was built without it", "use a kernel with CONFIG_SECCOMP_FILTER and the runc of the bundle" + again
			},
		},
		{
			name:    "overlay",
			pattern: `(?i)overlay(?:fs)?.{0,80}(?:no such device|not supported|invalid argument|unknown filesystem type)|failed to mount.{0,80}overlay`,
			say: func(evidence.Evidence, match) (string, string) {
				return "the kernel cannot mount overlayfs on /var/lib/containerd, which every container's files need", "load the module with `modprobe overlay`; if /var/lib/containerd lies on overlayfs itself, mount another file system there" + again
			},
		},
		{
			name:    "br-netfilter",
			pattern: `bridge-nf-call-ip6?tables: no such file or directory|Failed to check br_netfilter`,
			say: func(evidence.Evidence, match) (string, string) {
				return "the kernel module br_netfilter is not loaded, so bridged pod traffic cannot be filtered", "run `modprobe br_netfilter` and add it to /etc/modules-load.d/keelway.conf" + again
			},
		},
		{
			name:    "vxlan",
			pattern: `failed to create vxlanDevice: (.+)|vxlan.{0,60}operation not supported`,
			say: func(evidence.Evidence, match) (string, string) {
				return "the kernel cannot make a VXLAN link, over which flannel connects nodes", "load the module with `modprobe vxlan`; in a container or namespace, CAP_NET_ADMIN is needed" + again
			},
		},
		{
			name:    "packet-filter",
			pattern: `(?i)could not process rule: (?:operation not supported|no such file or directory)|can't initialize ip6?tables table|nftables? .{0,60}not supported|failed to initialize nft: protocol not supported|no ip6?tables available`,
			say: func(evidence.Evidence, match) (string, string) {
				return "the kernel lacks parts of its packet filter that Services need", "load nf_tables and nft_chain_nat (or ip_tables and iptable_nat) with modprobe, or use a kernel that has them" + again
			},
		},
		{
			name:    "module-missing",
			pattern: `(?i)modprobe: (?:FATAL|ERROR)?:?.*module (\S+) not found`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				return "the kernel has no module " + m.group[1], "install the kernel's extra modules (linux-modules-extra on Ubuntu), or use a kernel that has it" + again
			},
		},
		{
			name:    "conntrack",
			pattern: `nf_conntrack\S*: (?:permission denied|read-only file system|operation not permitted)`,
			say: func(evidence.Evidence, match) (string, string) {
				return "the connection-tracking settings cannot be changed here, as in a container or a nested network namespace", "set conntrack.maxPerCore and conntrack.min to 0 in the ConfigMap kube-system/kube-proxy; `keelway up` does so where it sees the limit"
			},
		},
		{
			name:    "file-watches",
			pattern: `(?i)inotify\S*: too many open files|inotify.{0,40}(?:no space left|too many)|failed to create fsnotify watcher: too many open files|too many open files`,
			say: func(evidence.Evidence, match) (string, string) {
				return "the limit on open files or file watches is reached", "raise it: `sysctl -w fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=524288`" + again
			},
		},
	}
}
