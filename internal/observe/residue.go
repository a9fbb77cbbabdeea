package observe

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/prior"
)

// Residue looks for everything that Keelway, or what it ran, has left on the
// host; was is the record of what the host was before.
func (o *Observer) Residue(ctx context.Context, was prior.Record) (observed.Residue, error) {
	var left observed.Residue
	for _, name := range append(desired.ServicesToStop(), desired.RuntimeService) {
		st, err := o.Services.Status(ctx, name)
		if err != nil {
			return left, err
		}
		if running := st.Running || st.State == "activating"; running && name == desired.RuntimeService {
			left.Runtime = true
		} else if running {
			left.Services = append(left.Services, name)
		}
	}
	left.Pods, left.OtherNamespaces = sandboxes(ctx, o.Host, "")
	var err error
	if left.Processes, err = PodProcesses(ctx, o.Host); err != nil {
		return left, err
	}
	mounts, err := ReadMounts(ctx, o.Host)
	if err != nil {
		return left, err
	}
	left.Mounts = pointsBelow(mounts, desired.MountPrefixes())
	if kernel, ok := o.Host.(host.Kernel); ok {
		if left.Links, left.Tables, err = network(ctx, kernel); err != nil {
			return left, err
		}
		if err := o.chains(ctx, kernel, was, &left); err != nil {
			return left, err
		}
	}
	left.Cgroups = o.podCgroups(ctx, mounts)
	for name, value := range was.Sysctls {
		if now, err := ReadSysctl(ctx, o.Host, name); err == nil && now != value {
			left.Sysctls = append(left.Sysctls, name+"="+value)
		}
	}
	slices.Sort(left.Sysctls)
	o.paths(ctx, was, &left)
	left.Daemon = o.exists(ctx, "/run/keelway/supervisor.sock")
	return left, nil
}

func (o *Observer) podCgroups(ctx context.Context, mounts []Mount) []string {
	var found []string
	for _, m := range mounts {
		if m.Type != "cgroup" && m.Type != "cgroup2" {
			continue
		}
		for _, name := range desired.PodCgroups() {
			if o.exists(ctx, path.Join(m.Point, name)) {
				found = append(found, path.Join(m.Point, name))
			}
		}
	}
	return found
}

func network(ctx context.Context, k host.Kernel) (links, tables []string, err error) {
	all, err := k.Links(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range desired.PodLinks() {
		if slices.Contains(all, name) {
			links = append(links, name)
		}
	}
	if all, err = k.Tables(ctx); err != nil {
		return nil, nil, err
	}
	for _, name := range desired.RuleTables() {
		if slices.Contains(all, name) {
			tables = append(tables, name)
		}
	}
	return links, tables, nil
}

// paths sorts the recorded paths into those to give back, to remove whole, and
// to remove if empty.
func (o *Observer) paths(ctx context.Context, was prior.Record, left *observed.Residue) {
	whole := map[string]bool{}
	for _, p := range desired.FilledFolders() {
		if w, known := was.Paths[p]; !known || w.Existed || !o.exists(ctx, p) {
			continue
		}
		whole[p] = true
		left.Paths = append(left.Paths, p)
	}
	for p, w := range was.Paths {
		switch {
		case below(p, whole) || p == prior.Dir || strings.HasPrefix(p, prior.Dir+"/"):
			continue
		case w.Existed && !w.Dir:
			left.Restore = append(left.Restore, p)
		case w.Existed || !o.exists(ctx, p):
			continue
		default:
			if e, err := o.Host.Stat(ctx, p); err != nil || !e.Mode.IsDir() {
				left.Paths = append(left.Paths, p)
			} else if o.onlyOurs(ctx, p, was, whole) {
				left.Empty = append(left.Empty, p)
			}
		}
	}
	slices.Sort(left.Restore)
	slices.Sort(left.Paths)
	slices.SortFunc(left.Empty, func(a, b string) int { return strings.Compare(b, a) })
}

// onlyOurs is true of a folder that is empty when everything is gone that was
// made in it.
func (o *Observer) onlyOurs(ctx context.Context, dir string, was prior.Record, whole map[string]bool) bool {
	inside, err := o.Host.List(ctx, dir)
	if err != nil {
		return false
	}
	for _, e := range inside {
		w, known := was.Paths[e.Path]
		switch {
		case whole[e.Path]:
		case !known || w.Existed:
			return false
		case e.Mode.IsDir() && !o.onlyOurs(ctx, e.Path, was, whole):
			return false
		}
	}
	return true
}

func below(p string, folders map[string]bool) bool {
	for ; p != "/" && p != "."; p = path.Dir(p) {
		if folders[p] {
			return true
		}
	}
	return false
}

func (o *Observer) exists(ctx context.Context, p string) bool {
	_, err := o.Host.Stat(ctx, p)
	return !errors.Is(err, fs.ErrNotExist)
}

// pointsBelow lists the mount points at or below the prefixes, the deepest first.
func pointsBelow(mounts []Mount, prefixes []string) []string {
	var points []string
	for _, m := range mounts {
		for _, p := range prefixes {
			if m.Point == p || strings.HasPrefix(m.Point, p+"/") || strings.HasSuffix(p, "-") && strings.HasPrefix(m.Point, p) {
				points = append(points, m.Point)
			}
		}
	}
	slices.SortFunc(points, func(a, b string) int { return strings.Compare(b, a) })
	return points
}

// sandboxes lists the pods of the runtime, and the namespaces that hold
// something of others. A runtime that does not answer has no pods to stop, but
// what it ran for others may be running still.
func sandboxes(ctx context.Context, h host.Host, socket string) (pods, others []string) {
	pods, others = inRuntime(ctx, h, socket)
	tasks, _ := h.List(ctx, path.Dir(taskFolder))
	for _, ns := range tasks {
		inside, _ := h.List(ctx, ns.Path)
		if name := path.Base(ns.Path); len(inside) > 0 && name != path.Base(taskFolder) && !slices.Contains(others, name) {
			others = append(others, name)
		}
	}
	return pods, others
}

func inRuntime(ctx context.Context, h host.Host, socket string) (pods, others []string) {
	if socket == "" {
		socket = CRISocket
	}
	if _, err := h.Stat(ctx, socket); err != nil {
		return nil, nil
	}
	conn, err := DialRuntimeAt(h, socket)
	if err != nil {
		return nil, nil
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	list, err := cri.NewRuntimeServiceClient(conn).ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
	if err != nil {
		return nil, nil
	}
	for _, s := range list.Items {
		pods = append(pods, s.Id)
	}
	client, err := containerd.NewWithConn(conn)
	if err != nil {
		return pods, nil
	}
	all, err := client.NamespaceService().List(ctx)
	if err != nil {
		return pods, nil
	}
	for _, ns := range all {
		if ns == "k8s.io" {
			continue
		}
		in := namespaces.WithNamespace(ctx, ns)
		containers, _ := client.Containers(in)
		images, _ := client.ListImages(in)
		if len(containers)+len(images) > 0 {
			others = append(others, ns)
		}
	}
	return pods, others
}
