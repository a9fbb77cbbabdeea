package step

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observe"
)

// residue removes one group of leftovers. Everything that is gone already is
// no error, so that a removal can be interrupted and run again.
func (r *Runner) residue(ctx context.Context, left desired.Residue) error {
	each := map[desired.ResidueKind]func(context.Context, string) error{
		desired.ResidueServices: r.Services.Stop,
		desired.ResidueMounts:   r.unmount,
		desired.ResidueChains:   r.removeChain,
		desired.ResidueCgroups:  r.removeCgroup,
		desired.ResidueSysctls:  r.giveBackSysctl,
		desired.ResidueRestore:  r.GiveBack,
		desired.ResiduePaths:    r.Host.Remove,
		desired.ResidueEmpty:    r.removeEmpty,
		desired.ResidueDaemon:   func(ctx context.Context, _ string) error { return r.EndDaemon(ctx) },
	}
	if kernel, ok := r.Host.(host.Kernel); ok {
		each[desired.ResidueLinks] = kernel.DeleteLink
		each[desired.ResidueNetwork] = func(ctx context.Context, target string) error {
			if path.IsAbs(target) {
				return r.Host.Remove(ctx, target)
			}
			return kernel.DeleteLink(ctx, target)
		}
		each[desired.ResidueTables] = kernel.DeleteTable
	}
	switch left.Kind {
	case desired.ResiduePods:
		return r.stopPods(ctx, nil)
	case desired.ResidueStatic:
		return r.endStatic(ctx, left.Targets)
	case desired.ResidueRules:
		if filter, ok := r.Host.(host.Filter); ok {
			return filter.DeleteChains(ctx, left.Targets)
		}
	case desired.ResidueProcess:
		return r.endProcesses(ctx, left.Targets)
	}
	remove := each[left.Kind]
	if remove == nil {
		return fmt.Errorf("keelway cannot remove %s on %s", left.Kind, r.Host.Name())
	}
	for _, t := range left.Targets {
		if err := remove(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// endProcesses kills what is still there of the processes that were seen: by
// then no runtime is left that could stop them in order.
func (r *Runner) endProcesses(ctx context.Context, seen []string) error {
	for {
		now, err := observe.PodProcesses(ctx, r.Host)
		if err != nil {
			return err
		}
		argv := []string{"kill", "-KILL", "--"}
		for _, p := range now {
			if slices.Contains(seen, p) {
				pid, _, _ := strings.Cut(p, " ")
				argv = append(argv, pid)
			}
		}
		if len(argv) == 3 {
			return nil
		}
		// One that ended in between makes kill fail; the next look tells.
		if _, err := r.Host.Run(ctx, host.Command{Argv: argv}); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (r *Runner) unmount(ctx context.Context, point string) error {
	argv := append(append([]string{"umount"}, r.UmountFlags...), "--", point)
	res, err := r.Host.Run(ctx, host.Command{Argv: argv})
	if err != nil {
		return err
	}
	if text := string(res.Stderr); res.Code != 0 && !strings.Contains(text, "not mounted") && !strings.Contains(text, "no mount point") {
		return fmt.Errorf("cannot unmount %s on %s: %s; see which process uses it with `fuser -vm %s`", point, r.Host.Name(), strings.TrimSpace(text), point)
	}
	return nil
}

// removeCgroup removes a cgroup and those below it, the deepest first. A
// cgroup is a folder that only rmdir removes.
func (r *Runner) removeCgroup(ctx context.Context, dir string) error {
	entries, err := r.Host.List(ctx, dir)
	if err != nil {
		return nil //nolint:nilerr // gone already
	}
	for _, e := range entries {
		if e.Mode.IsDir() {
			if err := r.removeCgroup(ctx, e.Path); err != nil {
				return err
			}
		}
	}
	return r.removeEmpty(ctx, dir)
}

func (r *Runner) removeEmpty(ctx context.Context, dir string) error {
	res, err := r.Host.Run(ctx, host.Command{Argv: []string{"rmdir", "--ignore-fail-on-non-empty", "--", dir}})
	if err != nil {
		return err
	}
	if text := string(res.Stderr); res.Code != 0 && !strings.Contains(text, "No such file") {
		return fmt.Errorf("cannot remove the folder %s on %s: %s", dir, r.Host.Name(), strings.TrimSpace(text))
	}
	return nil
}

func (r *Runner) giveBackSysctl(ctx context.Context, setting string) error {
	name, value, _ := strings.Cut(setting, "=")
	return r.setSysctl(ctx, name, value)
}
