package state

import (
	"context"
	"path"
	"slices"
	"strconv"
	"strings"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observe"
)

// Memory returns what the component's processes on this host take, in bytes:
// the sum of their proportional set sizes, in which a page that n processes
// share counts one nth for each. ok is false when none could be read.
func Memory(ctx context.Context, h host.Host, st State, shims []int) (bytes int64, ok bool) {
	for _, pid := range processes(ctx, h, st, shims) {
		if n, found := pss(ctx, h, pid); found {
			bytes += n
			ok = true
		}
	}
	return bytes, ok
}

func processes(ctx context.Context, h host.Host, st State, shims []int) []int {
	var pids []int
	if st.Service != nil && st.Service.PID != 0 {
		pids = append(pids, st.Service.PID)
		if st.Unit == "containerd" {
			// The shims are the runtime's own, though no children of it.
			pids = append(pids, shims...)
		}
	}
	for _, c := range st.Containers {
		if c.PID != 0 {
			pids = append(pids, members(ctx, h, c.PID)...)
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

// members lists the processes in the container of a process, by its cgroup.
func members(ctx context.Context, h host.Host, pid int) []int {
	own := []int{pid}
	text, err := observe.ReadText(ctx, h, "/proc/"+strconv.Itoa(pid)+"/cgroup")
	if err != nil {
		return own
	}
	for line := range strings.Lines(text) {
		// "4:memory:/kubepods/..." under version 1, "0::/kubepods/..." under 2.
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 || len(parts[2]) < 2 || parts[1] != "memory" && parts[1] != "" {
			continue
		}
		list, err := observe.ReadText(ctx, h, path.Join("/sys/fs/cgroup", parts[1], parts[2], "cgroup.procs"))
		if err != nil {
			continue
		}
		var pids []int
		for word := range strings.FieldsSeq(list) {
			if n, err := strconv.Atoi(word); err == nil && n > 0 {
				pids = append(pids, n)
			}
		}
		if slices.Contains(pids, pid) {
			return pids
		}
	}
	return own
}

// pss reads a process's proportional set size, in bytes.
func pss(ctx context.Context, h host.Host, pid int) (int64, bool) {
	text, err := observe.ReadText(ctx, h, "/proc/"+strconv.Itoa(pid)+"/smaps_rollup")
	if err != nil {
		return 0, false
	}
	kb, _, _ := strings.Cut(observe.StatusField(text, "Pss"), " ")
	n, err := strconv.ParseInt(kb, 10, 64)
	return n << 10, err == nil
}

// Shims lists the processes that stand between the runtime and its pods.
func Shims(ctx context.Context, h host.Host) []int {
	entries, err := h.List(ctx, "/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(path.Base(e.Path))
		if err != nil {
			continue
		}
		// The kernel keeps fifteen characters of a name.
		name, err := observe.ReadText(ctx, h, e.Path+"/comm")
		if err != nil || strings.TrimSpace(name) != "containerd-shim" {
			continue
		}
		command, err := observe.ReadText(ctx, h, e.Path+"/cmdline")
		if err == nil && strings.Contains(command, observe.CRISocket) {
			pids = append(pids, pid)
		}
	}
	return pids
}
