package observe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"syscall"

	"keelway.dev/keelway/internal/host"
)

// ReadText returns a small text file whole; files of /proc report no size, so
// it reads to the end.
func ReadText(ctx context.Context, h host.Host, path string) (string, error) {
	r, err := h.Open(ctx, path)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return string(b), nil
}

// absent says that there is no such path, nor could be: a parent may be a file.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// exists is true for anything at path but a link that leads nowhere.
func exists(ctx context.Context, h host.Host, path string) (bool, error) {
	e, err := h.Stat(ctx, path)
	if absent(err) {
		return false, nil
	}
	if err != nil || e.Mode&fs.ModeSymlink == 0 {
		return err == nil, err
	}
	// A folder behind a link counts, as it does for kubeadm. What is no folder
	// is there all the same.
	_, err = h.List(ctx, path)
	return !errors.Is(err, fs.ErrNotExist), nil
}

// StatusField returns a field of a /proc/*/status text, without its unit's
// white space around it; "" is absent.
func StatusField(status, name string) string {
	for line := range strings.Lines(status) {
		if key, value, ok := strings.Cut(line, ":"); ok && key == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Mount is one line of mountinfo.
type Mount struct {
	Point, Type string
	// ReadOnly is true when the mount or its file system is.
	ReadOnly bool
}

// ReadMounts lists the mounts that a host's processes see, in mount order.
func ReadMounts(ctx context.Context, h host.Host) ([]Mount, error) {
	text, err := ReadText(ctx, h, "/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	return parseMounts(text), nil
}

// parseMounts reads proc(5)'s mountinfo: six fields, optional ones, a dash,
// then type, source and the file system's options.
func parseMounts(text string) []Mount {
	var mounts []Mount
	for line := range strings.Lines(text) {
		before, after, ok := strings.Cut(line, " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 6 || len(g) < 3 {
			continue
		}
		mounts = append(mounts, Mount{
			Point:    unescape(f[4]),
			Type:     g[0],
			ReadOnly: hasOption(f[5], "ro") || hasOption(g[2], "ro"),
		})
	}
	return mounts
}

func hasOption(list, want string) bool {
	for o := range strings.SplitSeq(list, ",") {
		if o == want {
			return true
		}
	}
	return false
}

// unescape undoes the kernel's octal escapes of white space in paths.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// MountOf returns the mount that p lies on; of several on the same point, the
// last one covers the others.
func MountOf(mounts []Mount, p string) Mount {
	p = path.Clean(p)
	var best Mount
	for _, m := range mounts {
		within := m.Point == "/" || p == m.Point || strings.HasPrefix(p, m.Point+"/")
		if within && len(m.Point) >= len(best.Point) {
			best = m
		}
	}
	return best
}

// Disk is the file system below a path, in bytes.
type Disk struct {
	// Path is what was asked for; Mount where its file system is mounted.
	Path, Mount string
	Size        int64
	// Available is what an ordinary user can still write: the kubelet counts so too.
	Available int64
}

// FreePercent is the available part of the size, 0 to 100.
func (d Disk) FreePercent() float64 {
	if d.Size == 0 {
		return 0
	}
	return 100 * float64(d.Available) / float64(d.Size)
}

// ReadDisk asks df about one path; see ReadDisks.
func ReadDisk(ctx context.Context, h host.Host, path string) (Disk, error) {
	disks, err := ReadDisks(ctx, h, path)
	if err != nil {
		return Disk{}, err
	}
	return disks[0], nil
}

// ReadDisks asks df, in POSIX form, about paths that exist. The answer has
// their order.
func ReadDisks(ctx context.Context, h host.Host, paths ...string) ([]Disk, error) {
	argv := append([]string{"df", "-P", "-k", "--"}, paths...)
	r, err := h.Run(ctx, host.Command{Argv: argv, Env: []string{"LC_ALL=C"}})
	if err != nil {
		return nil, err
	}
	disks, err := parseDisks(string(r.Stdout), paths)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: exit code %d: %s", strings.Join(argv, " "), err, r.Code, strings.TrimSpace(string(r.Stderr)))
	}
	return disks, nil
}

func parseDisks(text string, paths []string) ([]Disk, error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != len(paths)+1 {
		return nil, fmt.Errorf("it answered %d lines for %d paths", len(lines)-1, len(paths))
	}
	var disks []Disk
	for i, p := range paths {
		// The device may hold blanks; the mount point may too, but the
		// percentage before it ends in a sign that no number has.
		front, mount, ok := strings.Cut(lines[i+1], "% ")
		f := strings.Fields(front)
		if !ok || len(f) < 5 {
			return nil, fmt.Errorf("cannot read its line %q", lines[i+1])
		}
		size, err := strconv.ParseInt(f[len(f)-4], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("size in %q: %w", lines[i+1], err)
		}
		available, err := strconv.ParseInt(f[len(f)-2], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("available in %q: %w", lines[i+1], err)
		}
		disks = append(disks, Disk{Path: p, Mount: strings.TrimSpace(mount), Size: size << 10, Available: max(available, 0) << 10})
	}
	return disks, nil
}
