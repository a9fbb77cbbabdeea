package cause

import (
	"fmt"

	"keelway.dev/keelway/internal/diagnose/evidence"
)

func cgroupRules() []rule {
	return []rule{
		{
			name:    "cgroup-v1-refused",
			pattern: `configured to not run on a host using cgroup v1`,
			say: func(evidence.Evidence, match) (string, string) {
				return "this machine has cgroup version 1, which the kubelet refuses unless failCgroupV1 is false",
					"run `keelway up` again, which writes failCgroupV1: false to /var/lib/kubelet/config.yaml on such a machine; better, boot it with cgroup version 2 (systemd.unified_cgroup_hierarchy=1)"
			},
		},
		{
			name:    "cgroup-driver",
			pattern: `expected cgroupsPath to be of format|cgroup driver: "?\w+"? is different from|cannot use systemd cgroups manager`,
			say: func(e evidence.Evidence, _ match) (string, string) {
				why := "the kubelet and containerd manage cgroups in different ways"
				if e.KubeletDriver != "" && e.RuntimeDriver != "" {
					why += fmt.Sprintf(": the kubelet's cgroupDriver is %s, containerd's is %s", e.KubeletDriver, e.RuntimeDriver)
				}
				return why, "make cgroupDriver in /var/lib/kubelet/config.yaml and SystemdCgroup in /etc/containerd/config.toml agree; `keelway up` writes both so"
			},
		},
		{
			name:    "cgroup-missing",
			pattern: `(?i)(?:missing (?:required )?cgroups?|following cgroup subsystem not mounted|cgroup controllers? not available)[: ]+\[?([\w ,]*)`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				return "the kernel does not give the cgroup controllers that the kubelet needs: " + m.group[1],
					"enable them on the kernel's command line (on a Raspberry Pi: cgroup_enable=memory cgroup_memory=1), reboot" + again
			},
		},
		{
			name:    "oom-score",
			pattern: `failed to update /proc/self/oom_score_adj|oom_score_adj: permission denied`,
			say: func(evidence.Evidence, match) (string, string) {
				return "this machine does not let runc lower a process's out-of-memory score: it lacks the capability CAP_SYS_RESOURCE",
					"run `keelway up` again, which sets restrict_oom_score_adj = true in /etc/containerd/config.toml on such a machine"
			},
		},
		{
			name:    "swap",
			pattern: `running with swap on is not supported`,
			say: func(evidence.Evidence, match) (string, string) {
				return "swap is on, and the kubelet refuses to run with it", "turn it off with `swapoff -a` and take it out of /etc/fstab" + again
			},
		},
	}
}
