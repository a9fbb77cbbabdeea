package observe

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
)

// taskFolder holds one folder for each shim that runs, or that ended without
// the runtime's help.
const taskFolder = "/run/containerd/io.containerd.runtime.v2.task/k8s.io"

// PodProcesses lists the processes of pods, and the shims that keep them, as
// "pid name", sorted. A pod's process is known by its cgroup, a shim by its
// runtime's socket and namespace, and by the host's own PID namespace: those of
// a machine inside this one are not ours.
func PodProcesses(ctx context.Context, h host.Host) ([]string, error) {
	if !worthALook(ctx, h) {
		return nil, nil
	}
	entries, err := h.List(ctx, "/proc")
	if err != nil {
		return nil, fmt.Errorf("cannot list the processes of %s: %w", h.Name(), err)
	}
	own := linkTarget(ctx, h, "/proc/1/ns/pid")
	var found []string
	for _, e := range entries {
		pid := path.Base(e.Path)
		if strings.Trim(pid, "0123456789") != "" {
			continue
		}
		// A process that ends meanwhile reads as empty.
		argv := strings.Split(readText(ctx, h, e.Path+"/cmdline"), "\x00")
		if isShim(argv) && linkTarget(ctx, h, e.Path+"/ns/pid") == own || inPodCgroup(readText(ctx, h, e.Path+"/cgroup")) {
			found = append(found, pid+" "+path.Base(argv[0]))
		}
	}
	slices.Sort(found)
	return found, nil
}

// worthALook is false where no shim has a folder and the kubelet no cgroup.
func worthALook(ctx context.Context, h host.Host) bool {
	if tasks, err := h.List(ctx, taskFolder); err == nil && len(tasks) > 0 {
		return true
	}
	mounts, err := ReadMounts(ctx, h)
	if err != nil {
		return true
	}
	return slices.ContainsFunc(mounts, func(m Mount) bool {
		if m.Type != "cgroup" && m.Type != "cgroup2" {
			return false
		}
		return slices.ContainsFunc(desired.PodCgroups(), func(name string) bool {
			_, err := h.Stat(ctx, path.Join(m.Point, name))
			return err == nil
		})
	})
}

func isShim(argv []string) bool {
	return path.Base(argv[0]) == "containerd-shim-runc-v2" &&
		flagIs(argv, "-namespace", "k8s.io") && flagIs(argv, "-address", CRISocket)
}

func flagIs(argv []string, name, value string) bool {
	i := slices.Index(argv, name)
	return i >= 0 && i+1 < len(argv) && argv[i+1] == value
}

// inPodCgroup reads /proc/PID/cgroup: lines of "number:controllers:path".
func inPodCgroup(text string) bool {
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) < 3 {
			continue
		}
		first, _, _ := strings.Cut(strings.TrimPrefix(fields[2], "/"), "/")
		if slices.Contains(desired.PodCgroups(), first) {
			return true
		}
	}
	return false
}

func linkTarget(ctx context.Context, h host.Host, file string) string {
	e, err := h.Stat(ctx, file)
	if err != nil {
		return ""
	}
	return e.Link
}

func readText(ctx context.Context, h host.Host, file string) string {
	r, err := h.Open(ctx, file)
	if err != nil {
		return ""
	}
	defer r.Close()
	text, _ := io.ReadAll(r)
	return string(text)
}
