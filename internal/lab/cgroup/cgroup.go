// Package cgroup gives a lab's host cgroups of its own in every hierarchy, a view that begins there, and takes them away.
package cgroup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// hierarchy is a mount of cgroups: one of version 2, or a controller of version 1.
type hierarchy struct {
	point, kind, options string
}

// V1 tells whether this machine's controllers are those of version 1.
func V1() (bool, error) {
	all, err := hierarchies()
	return v1(all), err
}

// v1 is true where one hierarchy is of version 1; beside it a mount of version 2
// has no controllers.
func v1(all []hierarchy) bool {
	return slices.ContainsFunc(all, func(h hierarchy) bool { return h.kind == "cgroup" })
}

// hierarchies are this machine's cgroup mounts.
func hierarchies() ([]hierarchy, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []hierarchy
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if len(fields) < 5 || len(kind) < 3 || kind[0] != "cgroup" && kind[0] != "cgroup2" {
			continue
		}
		all = append(all, hierarchy{fields[4], kind[0], strings.TrimPrefix(strings.TrimPrefix(kind[2], "rw"), ",")})
	}
	return all, lines.Err()
}

// Enter makes a cgroup in every hierarchy and moves this process there.
func Enter(name string) error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	for _, h := range all {
		dir := filepath.Join(h.point, name)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("cannot make the cgroup %s: %w", dir, err)
		}
		if err := inheritCPUs(h.point, dir); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
			return fmt.Errorf("cannot enter the cgroup %s: %w", dir, err)
		}
	}
	return nil
}

// Own gives this process a view of cgroups that begins at its own, and
// mounts that show no other. systemd-nspawn works with the mounts that it finds.
func Own() error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_NEWCGROUP | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("cannot make a cgroup and a mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot make the mounts private: %w", err)
	}
	for _, h := range slices.Backward(all) {
		if err := unix.Unmount(h.point, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("cannot leave %s: %w", h.point, err)
		}
	}
	old := v1(all)
	for _, h := range all {
		options := h.options
		switch {
		case old && h.kind == "cgroup2":
			continue // it has no controllers, and a host that finds it would use both
		case strings.HasPrefix(options, "name="):
			options = "none," + options
		}
		if err := unix.Mount("cgroup", h.point, h.kind, unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, options); err != nil {
			return fmt.Errorf("cannot mount %s anew: %w", h.point, err)
		}
	}
	// What systemd-nspawn keeps there would stay on this machine.
	if err := os.MkdirAll("/run/systemd", 0o755); err != nil {
		return err
	}
	return unix.Mount("keelway-lab", "/run/systemd", "tmpfs", 0, "mode=755")
}

// inheritCPUs fills in what a new cpuset lacks: without processors and memory
// nodes no process may enter it, nor any that is made below it.
func inheritCPUs(parent, dir string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		text, err := os.ReadFile(filepath.Join(parent, file))
		if errors.Is(err, fs.ErrNotExist) {
			return nil // not the cpuset controller
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "cgroup.clone_children"), []byte("1"), 0o644)
}

// Remove ends what runs in a host's cgroups, and removes them.
func Remove(ctx context.Context, name string) error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	for _, h := range all {
		for {
			// The host's first process outlives a systemd-nspawn that was killed.
			killTree(filepath.Join(h.point, name))
			err := removeTree(filepath.Join(h.point, name))
			if err == nil {
				break
			}
			select {
			case <-ctx.Done():
				return err
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}

// killTree ends every process of a cgroup and of those below it. All of them are
// the host's: nobody else enters its cgroups.
func killTree(dir string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "cgroup.procs" {
			return nil //nolint:nilerr // gone already
		}
		text, _ := os.ReadFile(path)
		for word := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil && pid > 1 {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
		return nil
	})
}

// removeTree removes a cgroup and those below it, the deepest first: only rmdir
// removes a cgroup.
func removeTree(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil // what cannot be read is gone already
	})
	if err != nil {
		return err
	}
	for _, d := range slices.Backward(dirs) {
		if err := os.Remove(d); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot remove the cgroup %s: %w", d, err)
		}
	}
	return nil
}
