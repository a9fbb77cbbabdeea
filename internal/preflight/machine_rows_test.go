package preflight_test

import (
	"fmt"
	"strings"
	"time"

	"keelway.dev/keelway/internal/cluster"
)

func machineRows() []row {
	no := false
	return []row{
		{"an ordinary user", func(w *world) {
			w.put("/proc/self/status", "Uid:\t1000\t1000\t1000\t1000\nCpus_allowed:\tf\n")
		}, []string{"IsPrivilegedUser"}, []string{"not running as root", "1000", "sudo"}},
		{"one processor", func(w *world) { w.put("/sys/devices/system/cpu/online", "0\n") }, []string{"NumCPU"}, []string{"CPUs 1 is less than the required 2"}},
		{"bound to one processor", func(w *world) {
			w.put("/proc/self/status", "Uid:\t0\t0\t0\t0\nCpus_allowed:\t00000000,00000004\n")
		}, []string{"NumCPU"}, []string{"CPUs 1"}},
		{"one processor on a worker", func(w *world) {
			w.put("/sys/devices/system/cpu/online", "0\n")
			w.model.Hosts[0].Roles = []cluster.Role{cluster.Worker}
		}, nil, nil},
		{"1 GB of memory", func(w *world) { w.put("/proc/meminfo", "MemTotal:        1000000 kB\n") }, []string{"Mem"}, []string{"(976 MB)", "1700 MB"}},
		{"swap", func(w *world) {
			w.put("/proc/swaps", "Filename Type Size Used Priority\n/swapfile file 1 0 -2\n")
		}, []string{"Swap"}, []string{"/swapfile", "swapoff -a", "fstab"}},
		{"swap that the kubelet accepts", func(w *world) {
			w.put("/proc/swaps", "Filename Type Size Used Priority\n/swapfile file 1 0 -2\n")
			w.model.Kubelet.FailSwapOn = &no
		}, nil, nil},
		{"no losetup", func(w *world) { w.remove("/usr/sbin/losetup") }, []string{"FileExisting-losetup"}, []string{"not found in system path"}},
		{"mount is a link to nothing", func(w *world) {
			w.remove("/usr/bin/mount")
			w.link("/usr/bin/mount", "/usr/bin/gone")
		}, []string{"FileExisting-mount"}, nil},
		{"SELinux", func(w *world) { w.put("/sys/fs/selinux/enforce", "1") }, []string{"warning SELinux"}, []string{"setenforce 0"}},
		{"SELinux permissive", func(w *world) { w.put("/sys/fs/selinux/enforce", "0") }, nil, nil},

		{"an old kernel", func(w *world) {
			w.put("/proc/sys/kernel/osrelease", "4.19.0-1\n")
			w.put("/boot/config-4.19.0-1", kernelConfig)
		}, []string{"warning SystemVerification"}, []string{"kernel release 4.19.0-1 is unsupported"}},
		{"a kernel without memory cgroups", func(w *world) {
			w.put("/boot/config-6.1.0-18-amd64", strings.Replace(kernelConfig, "CONFIG_MEMCG=y\n", "", 1))
		}, []string{"SystemVerification"}, []string{"CONFIG_MEMCG"}},
		{"memory cgroups switched off", func(w *world) {
			w.put("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io hugetlb pids\n")
		}, []string{"SystemVerification"}, []string{"missing required cgroups: memory", "cgroup_enable=memory"}},
		{"no huge pages", func(w *world) {
			w.put("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n")
		}, []string{"warning SystemVerification"}, []string{"optional cgroups: hugetlb"}},
		{"no /dev/kmsg", func(w *world) { w.remove("/dev/kmsg") }, []string{"SystemVerification"}, []string{"/dev/kmsg"}},
		{"cgroup v1", func(w *world) {
			w.facts.CgroupVersion = 1
			w.put("/proc/cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t1\t1\ncpuacct\t1\t1\t1\ncpuset\t1\t1\t1\ndevices\t1\t1\t1\nfreezer\t1\t1\t1\nmemory\t1\t1\t1\npids\t1\t1\t1\nhugetlb\t1\t1\t1\nblkio\t1\t1\t1\n")
			w.remake(cluster.Options{})
		}, []string{"warning CgroupVersion"}, []string{"deprecated"}},
		{"cgroup v1 that the kubelet refuses", func(w *world) {
			w.facts.CgroupVersion = 1
			w.put("/proc/cgroups", "cpu\t1\t1\t1\ncpuacct\t1\t1\t1\ncpuset\t1\t1\t1\ndevices\t1\t1\t1\nfreezer\t1\t1\t1\nmemory\t1\t1\t0\npids\t1\t1\t1\nhugetlb\t1\t1\t1\nblkio\t1\t1\t1\n")
			w.remake(cluster.Options{})
			w.model.Kubelet.FailCgroupV1 = nil
		}, []string{"SystemVerification", "CgroupVersion"}, []string{"memory"}},

		{"the systemd driver without systemd", func(w *world) {
			w.facts.Systemd = false
			w.remake(cluster.Options{})
			w.model.Kubelet.CgroupDriver = "systemd"
		}, []string{"CgroupDriver"}, []string{"cgroupDriver: cgroupfs"}},
		{"the cgroupfs driver beside systemd", func(w *world) { w.model.Kubelet.CgroupDriver = "cgroupfs" }, []string{"warning CgroupDriver"}, nil},
		{"a runtime that was brought along, with another driver", func(w *world) {
			w.runtimeOf("/run/mine/containerd.sock", "/usr/bin/containerd --config /etc/mine.toml")
			w.put("/etc/mine.toml", "[runc.options]\n  # SystemdCgroup = true\n  SystemdCgroup = false # why\n")
		}, []string{"CgroupDriver"}, []string{"cgroupfs", "/etc/mine.toml"}},
		{"a runtime that was brought along, with the same driver", func(w *world) {
			w.runtimeOf("/run/mine/containerd.sock", "/usr/bin/containerd -c=/etc/mine.toml")
			w.put("/etc/mine.toml", "  SystemdCgroup=true\n")
		}, nil, nil},

		{"no br_netfilter", func(w *world) {
			w.remove("/proc/sys/net/bridge")
			w.put("/boot/config-6.1.0-18-amd64", strings.Replace(kernelConfig, "CONFIG_BRIDGE_NETFILTER=y\n", "", 1))
		}, []string{"Modules"}, []string{"no br_netfilter", "reboot"}},
		{"br_netfilter not loaded", func(w *world) {
			w.remove("/proc/sys/net/bridge")
			w.put("/boot/config-6.1.0-18-amd64", strings.Replace(kernelConfig, "BRIDGE_NETFILTER=y", "BRIDGE_NETFILTER=m", 1))
			w.put("/lib/modules/6.1.0-18-amd64/modules.dep", "kernel/net/bridge/br_netfilter.ko: kernel/net/bridge/bridge.ko\n")
		}, nil, nil},
		{"vxlan not loaded", func(w *world) {
			w.put("/boot/config-6.1.0-18-amd64", strings.Replace(kernelConfig, "VXLAN=y", "VXLAN=m", 1))
			w.put("/lib/modules/6.1.0-18-amd64/modules.dep", "kernel/drivers/net/vxlan/vxlan.ko:\n")
		}, nil, nil},
		{"neither nftables nor iptables", func(w *world) {
			w.facts.NFTables = false
			w.remake(cluster.Options{})
			w.put("/boot/config-6.1.0-18-amd64", strings.Replace(kernelConfig, "CONFIG_NF_TABLES=y\n", "", 1))
		}, []string{"Modules"}, []string{"ip_tables"}},
		{"images on overlayfs", func(w *world) {
			w.put("/proc/self/mountinfo", "27 1 0:5 / / rw - overlay overlay rw\n28 27 0:6 / /proc rw - proc proc rw\n")
		}, []string{"Snapshotter"}, []string{"overlay (mounted at /)", "/var/lib/containerd"}},
		{"images on ext4 below overlayfs", func(w *world) {
			w.put("/proc/self/mountinfo", "27 1 0:5 / / rw - overlay overlay rw\n29 27 0:7 / /var/lib/containerd rw - ext4 /dev/vdb rw\n")
		}, nil, nil},

		{"a full disk", func(w *world) { w.disk = [3]int{100 << 20, 99 << 20, 1 << 20} }, []string{"DiskSpace"}, []string{"1.0 GiB of 100.0 GiB free", "takes 3.0 GiB", "free at least 2.0 GiB"}},
		{"a disk near the kubelet's threshold", func(w *world) { w.disk = [3]int{100 << 20, 84 << 20, 16 << 20} }, []string{"DiskSpace"}, []string{"13.0 GiB after the installation", "imagefs.available=15%", "15.0 GiB"}},
		{"a disk a little above it", func(w *world) { w.disk = [3]int{100 << 20, 78 << 20, 22 << 20} }, []string{"warning DiskSpace"}, []string{"19.0 GiB after"}},
		{"a disk near lowered thresholds", func(w *world) {
			w.disk = [3]int{100 << 20, 84 << 20, 16 << 20}
			w.facts.DiskFreePercent = 16
			w.remake(cluster.Options{})
		}, nil, nil},
		{"a disk near it, installed already", func(w *world) {
			w.disk = [3]int{100 << 20, 78 << 20, 22 << 20}
			w.process(40, "/usr/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf")
		}, nil, nil},

		{"a clock before the build", func(w *world) { w.clock(now.AddDate(-1, 0, 0)) }, []string{"Clock"}, []string{"built 335 days later", "2026-01-30"}},
		{"a clock a year ahead, by the battery clock", func(w *world) {
			w.clock(now.AddDate(1, 0, 0))
			w.put("/sys/class/rtc/rtc0/since_epoch", fmt.Sprint(now.Unix()))
		}, []string{"Clock"}, []string{"battery clock 2026-03-01 12:00:00, 365 days away"}},
		{"a clock a year ahead, by files", func(w *world) {
			w.put("/var/log/messages", "")
			w.clock(now.AddDate(2, 0, 0))
		}, []string{"Clock"}, []string{"after the latest sign of life", "/var/log"}},
		{"a clock behind the files", func(w *world) {
			w.target.Built = time.Time{}
			w.clock(time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC))
		}, []string{"warning Clock"}, []string{"was written at 2026-01-01", "touch /etc/"}},
		{"two machines that disagree", func(w *world) { w.target.Now = now.Add(7 * time.Minute) }, []string{"Clock"}, []string{"machine that asks", "7 minutes away"}},
		{"a CA from the future", func(w *world) {
			w.put("/etc/kubernetes/pki/ca.crt", authority(now.Add(time.Hour), now.AddDate(10, 0, 0)))
		}, []string{"Clock"}, []string{"ca.crt is valid from 2026-03-01 13:00:00 only"}},
		{"a CA of the past", func(w *world) {
			w.put("/etc/kubernetes/pki/etcd/ca.crt", authority(now.AddDate(-11, 0, 0), now.AddDate(-1, 0, 0)))
		}, []string{"Clock"}, []string{"etcd/ca.crt was valid until 2025-03-01"}},
		{"several machines and nothing that keeps the time", func(w *world) {
			w.model.Hosts = append(w.model.Hosts, w.model.Hosts[0])
		}, []string{"warning Clock"}, []string{"chrony"}},
		{"several machines with chrony", func(w *world) {
			w.model.Hosts = append(w.model.Hosts, w.model.Hosts[0])
			w.process(41, "/usr/sbin/chronyd -F 1")
		}, nil, nil},
	}
}
