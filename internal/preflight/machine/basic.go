// Package machine has the preflight checks of the machine itself: its size, kernel, cgroups, disk and clock.
package machine

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/preflight/subject"
)

// The least that kubeadm asks of a control plane.
const (
	minCPU    = 2
	minMemory = 1700 // MB
)

// Privileged finds a user who is not root.
func Privileged(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	status, err := s.Text(ctx, "/proc/self/status")
	if err != nil {
		return nil, err
	}
	// Real, effective, saved and file system user ID.
	ids := strings.Fields(observe.StatusField(status, "Uid"))
	if len(ids) < 2 {
		return nil, fmt.Errorf("/proc/self/status has no line Uid")
	}
	if ids[1] == "0" {
		return nil, nil
	}
	return []subject.Finding{{Message: fmt.Sprintf("user is not running as root: the user ID on %s is %s", s.Host.Name(), ids[1])}}, nil
}

// CPU finds a control plane with fewer processors than kubeadm asks for. Those
// that this process may not run on do not count, since its children may not
// either.
func CPU(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	if !s.ControlPlane() {
		return nil, nil
	}
	status, err := s.Text(ctx, "/proc/self/status")
	if err != nil {
		return nil, err
	}
	online, err := s.Text(ctx, "/sys/devices/system/cpu/online")
	if err != nil {
		return nil, err
	}
	n, err := usable(observe.StatusField(status, "Cpus_allowed"), strings.TrimSpace(online))
	if err != nil || n >= minCPU {
		return nil, err
	}
	return []subject.Finding{{Message: fmt.Sprintf("the number of available CPUs %d is less than the required %d", n, minCPU)}}, nil
}

// usable counts the processors in both a mask such as "00000000,0000000f" and
// a list such as "0-1,4".
func usable(mask, list string) (int, error) {
	allowed := map[int]bool{}
	words := strings.Split(mask, ",")
	slices.Reverse(words)
	for i, w := range words {
		n, err := strconv.ParseUint(w, 16, 32)
		if err != nil {
			return 0, fmt.Errorf("allowed processors %q in /proc/self/status: %w", mask, err)
		}
		for n != 0 {
			allowed[32*i+bits.TrailingZeros64(n)] = true
			n &= n - 1
		}
	}
	count := 0
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		first, err1 := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil {
			return 0, fmt.Errorf("online processors %q cannot be read", list)
		}
		for n := first; n <= last; n++ {
			if allowed[n] {
				count++
			}
		}
	}
	return count, nil
}

// Memory finds a control plane with less memory than kubeadm asks for.
func Memory(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	if !s.ControlPlane() {
		return nil, nil
	}
	text, err := s.Text(ctx, "/proc/meminfo")
	if err != nil {
		return nil, err
	}
	size, _, _ := strings.Cut(observe.StatusField(text, "MemTotal"), " ")
	kb, err := strconv.Atoi(size)
	if err != nil {
		return nil, fmt.Errorf("MemTotal in /proc/meminfo: %w", err)
	}
	if mb := kb / 1024; mb < minMemory {
		return []subject.Finding{{Message: fmt.Sprintf("the system RAM (%d MB) is less than the minimum %d MB", mb, minMemory)}}, nil
	}
	return nil, nil
}

// Swap finds swap in use. The kubelet refuses to start with it unless its
// configuration says otherwise, so that is an error here; kubeadm warns.
func Swap(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	text, err := s.Text(ctx, "/proc/swaps")
	if err != nil {
		return nil, err
	}
	var on []string
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if f := strings.Fields(line); i > 0 && len(f) > 0 {
			on = append(on, f[0])
		}
	}
	if len(on) == 0 {
		return nil, nil
	}
	where := strings.Join(on, ", ")
	if fail := s.Model.Kubelet.FailSwapOn; fail == nil || *fail {
		return []subject.Finding{{
			Message: fmt.Sprintf("swap is on (%s), and the kubelet does not start with swap unless its failSwapOn is false", where),
			Fix:     "run `swapoff -a`, and take the swap lines out of /etc/fstab so that it stays off after a reboot",
		}}, nil
	}
	if s.Node().Facts.CgroupVersion == 1 {
		return []subject.Finding{{
			Warning: true,
			Message: fmt.Sprintf("swap is supported for cgroup v2 only, and this host has cgroup v1: pods can be swapped out to %s without a limit", where),
		}}, nil
	}
	return nil, nil
}

// program is one that a component calls by name.
type program struct {
	name     string
	optional bool
	why      string
}

// programs lists what must be in PATH on a host. kubeadm asks for cp too,
// which only its own upgrade calls.
func programs() []program {
	return []program{
		{name: "mount", why: "the kubelet mounts volumes with it"},
		{name: "losetup", why: "the kubelet gives block volumes to pods with it"},
	}
}

// Programs finds programs that components call and that are not in PATH.
func Programs(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	var found []subject.Finding
	for _, p := range programs() {
		at, err := s.Program(ctx, p.name)
		if err != nil {
			return nil, err
		}
		if at == "" {
			found = append(found, subject.Finding{
				Name:    "FileExisting-" + p.name,
				Warning: p.optional,
				Message: fmt.Sprintf("%s not found in system path: %s", p.name, p.why),
			})
		}
	}
	return found, nil
}

// SELinux finds it enforcing: containerd labels nothing unless it is told to,
// and pods are then refused their own files.
func SELinux(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	text, err := s.Text(ctx, "/sys/fs/selinux/enforce")
	if err != nil || strings.TrimSpace(text) != "1" {
		return nil, err
	}
	return []subject.Finding{{Warning: true, Message: "SELinux is enforcing, and containers run without labels: a pod that reads the host's files, as etcd does, can be refused"}}, nil
}
