package machine

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/preflight/subject"
)

// supported are the kernels that kubeadm's system validators accept: the long
// term releases 5.4, 5.10 and 5.15, and everything from 6.0.
const supported = `^(5\.4|5\.10|5\.15)\D|^([6-9]|[1-9]\d+)\.\d+`

// option is a part of the kernel that kubeadm's system validators want, under
// any of its names.
type option []string

func requiredOptions(cgroup int) []option {
	all := []option{
		{"NAMESPACES"}, {"NET_NS"}, {"PID_NS"}, {"IPC_NS"}, {"UTS_NS"}, {"CGROUPS"}, {"CPUSETS"}, {"MEMCG"}, {"INET"},
		{"PROC_FS"}, {"FAIR_GROUP_SCHED"}, {"CGROUP_PIDS"}, {"CGROUP_SCHED"},
		{"NETFILTER_XT_TARGET_REDIRECT", "IP_NF_TARGET_REDIRECT"}, {"NETFILTER_XT_MATCH_COMMENT"},
	}
	if cgroup == 2 {
		return append(all, option{"CGROUP_BPF"})
	}
	return append(all, option{"CGROUP_CPUACCT"}, option{"CGROUP_DEVICE"}, option{"CGROUP_FREEZER"})
}

// System finds a kernel too old or with parts left out, cgroup controllers
// that are not there, and a missing /dev/kmsg. Where no copy of the kernel's
// configuration can be read, it is not judged; kubeadm fails then.
func System(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	k, err := s.Kernel(ctx)
	if err != nil {
		return nil, err
	}
	var found []subject.Finding
	if !regexp.MustCompile(supported).MatchString(k.Release) {
		found = append(found, subject.Finding{
			Warning: true,
			Message: fmt.Sprintf("kernel release %s is unsupported: of 5.x the long term releases 5.4, 5.10 and 5.15 are, and every 6.x", k.Release),
			Fix:     "upgrade the kernel",
		})
	}
	cgroup := s.Node().Facts.CgroupVersion
	if missing := missingOptions(k, cgroup); len(missing) > 0 {
		found = append(found, subject.Finding{
			Message: "unexpected kernel config: " + strings.Join(missing, " ") + " left out, which containers need",
			Fix:     "boot a kernel that has them; a distribution's standard kernel does",
		})
	}
	controllers, err := controllers(ctx, s, cgroup)
	if err != nil {
		return nil, err
	}
	found = append(found, missingControllers(controllers, cgroup)...)
	there, err := s.Exists(ctx, "/dev/kmsg")
	if err == nil && !there {
		found = append(found, subject.Finding{
			Message: "/dev/kmsg does not exist, and the kubelet does not start without it: it watches the kernel's log for killed processes",
			Fix:     "give the container or namespace that the host is the outer machine's /dev/kmsg",
		})
	}
	return found, err
}

func missingOptions(k *observe.Kernel, cgroup int) []string {
	var missing []string
	if k.Config == nil {
		return nil
	}
	for _, o := range requiredOptions(cgroup) {
		if !slices.ContainsFunc(o, func(name string) bool { return k.Config[name] != "" }) {
			missing = append(missing, "CONFIG_"+o[0])
		}
	}
	return missing
}

// controllers lists the cgroup controllers that are switched on.
func controllers(ctx context.Context, s *subject.Subject, cgroup int) ([]string, error) {
	if cgroup == 2 {
		text, err := s.Text(ctx, "/sys/fs/cgroup/cgroup.controllers")
		return strings.Fields(text), err
	}
	text, err := s.Text(ctx, "/proc/cgroups")
	if err != nil {
		return nil, err
	}
	var on []string
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 4 && f[3] == "1" {
			on = append(on, f[0])
		}
	}
	return on, nil
}

func missingControllers(on []string, cgroup int) []subject.Finding {
	// In cgroup v2 devices and the freezer are no controllers any more.
	required, optional := []string{"cpu", "cpuset", "memory", "pids"}, []string{"hugetlb", "io"}
	fix := "switch them on: cgroup_enable=memory on the kernel's command line, or Delegate=yes where the host is a container"
	if cgroup == 1 {
		required = []string{"cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids"}
		optional = []string{"hugetlb", "blkio"}
	}
	lacking := func(want []string) []string {
		return slices.DeleteFunc(slices.Clone(want), func(c string) bool { return slices.Contains(on, c) })
	}
	var found []subject.Finding
	if missing := lacking(required); len(missing) > 0 {
		found = append(found, subject.Finding{
			Message: "missing required cgroups: " + strings.Join(missing, " ") + ": the kubelet cannot limit pods without them",
			Fix:     fix,
		})
	}
	if missing := lacking(optional); len(missing) > 0 {
		found = append(found, subject.Finding{
			Warning: true,
			Message: "missing optional cgroups: " + strings.Join(missing, " "),
			Fix:     "nothing, unless pods are to have huge pages or limits of disk traffic",
		})
	}
	return found
}

// Cgroups finds cgroup v1: an error where the kubelet would refuse it.
func Cgroups(_ context.Context, s *subject.Subject) ([]subject.Finding, error) {
	if s.Node().Facts.CgroupVersion != 1 {
		return nil, nil
	}
	if refuse := s.Model.Kubelet.FailCgroupV1; refuse == nil || *refuse {
		return []subject.Finding{{
			Message: "the host has cgroup v1, and the kubelet does not start on it since 1.35 unless its failCgroupV1 is false",
		}}, nil
	}
	return []subject.Finding{{
		Warning: true,
		Message: "cgroups v1 support is deprecated and will be removed in a future release; the kubelet is told to accept it (failCgroupV1: false)",
		Fix:     "boot with systemd.unified_cgroup_hierarchy=1 before a release of Kubernetes drops v1",
	}}, nil
}
