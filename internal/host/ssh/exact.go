package ssh

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/sftp"

	"keelway.dev/keelway/internal/host"
)

// SHA256s reckons files' checksums on the machine, in one command for those that
// are new or have changed.
func (h *Host) SHA256s(ctx context.Context, paths []string) (map[string]string, error) {
	marks, err := h.marks(ctx, paths)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	var fresh []string
	for _, p := range paths {
		mark, there := marks[p]
		if !there {
			continue
		}
		if found[p] = h.sums.Get(h.address, p, mark); found[p] == "" {
			delete(found, p)
			fresh = append(fresh, p)
		}
	}
	if len(fresh) == 0 {
		return found, nil
	}
	out, err := h.several(ctx, fresh, "sha256sum")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(out) {
		sum, p, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !ok || len(sum) != 64 {
			return nil, fmt.Errorf("checksums on %s: sha256sum answers %q", h.Name(), line)
		}
		found[p] = sum
		h.sums.Put(h.address, p, marks[p], sum)
	}
	return found, nil
}

// marks tell a file apart from what it was: any change of its content changes
// the last, the time of the inode's change, which nobody can set back.
func (h *Host) marks(ctx context.Context, paths []string) (map[string]string, error) {
	out, err := h.several(ctx, paths, "stat", "-c", "%i %s %.9Y %.9Z %n")
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for line := range strings.Lines(out) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 5)
		if len(f) != 5 {
			return nil, fmt.Errorf("files on %s: stat answers %q", h.Name(), line)
		}
		found[f[4]] = strings.Join(f[:4], " ")
	}
	return found, nil
}

// remember keeps the checksum of a file that was just put in its place, so that
// the machine need not read it back. Asking for its marks is worth its while for
// a large file only; if they cannot be had, the file is read when it is asked for.
func (h *Host) remember(ctx context.Context, path string, size int64, sum string) {
	const large = 4 << 20
	if size < large {
		return
	}
	mark, _ := h.known(ctx, path)
	if f := strings.Fields(mark); len(f) == 4 && f[1] == strconv.FormatInt(size, 10) {
		h.sums.Put(h.address, path, mark, sum)
	}
}

// rememberAs keeps a file's checksum for a name that it was just given as well.
// Of its marks, that changes the time of the inode's change alone.
func (h *Host) rememberAs(ctx context.Context, path, mark, sum string) {
	if sum == "" {
		return
	}
	now, _ := h.known(ctx, path)
	if old, is := strings.Fields(mark), strings.Fields(now); len(old) == 4 && len(is) == 4 && slices.Equal(old[:3], is[:3]) {
		h.sums.Put(h.address, path, now, sum)
	}
}

// known are a file's marks and, if it has not changed since, its checksum.
func (h *Host) known(ctx context.Context, path string) (mark, sum string) {
	marks, err := h.marks(ctx, []string{path})
	if err != nil {
		return "", ""
	}
	return marks[path], h.sums.Get(h.address, path, marks[path])
}

// several runs a program that says a line about each file. Files that are not
// there are no error.
func (h *Host) several(ctx context.Context, paths []string, argv ...string) (string, error) {
	for _, p := range paths {
		if err := checkPath(p); err != nil {
			return "", err
		}
		if strings.ContainsAny(p, "\\\n") {
			return "", fmt.Errorf("%q: a name with a backslash or a line break is reckoned alone", p)
		}
	}
	argv = slices.Concat(argv, []string{"--"}, paths)
	res, err := h.Run(ctx, host.Command{Argv: argv, Env: []string{"LC_ALL=C"}})
	if err != nil {
		return "", err
	}
	if res.Code != 0 {
		for line := range strings.Lines(string(res.Stderr)) {
			if line = strings.TrimSpace(line); !strings.HasSuffix(line, "No such file or directory") {
				return "", fmt.Errorf("%s on %s: exit status %d: %s", argv[0], h.Name(), res.Code, line)
			}
		}
	}
	return string(res.Stdout), nil
}

// Modified is when files were changed last, to the nanosecond.
func (h *Host) Modified(ctx context.Context, paths []string) (map[string]time.Time, error) {
	out, err := h.several(ctx, paths, "stat", "-c", "%.9Y %n")
	if err != nil {
		return nil, err
	}
	found := map[string]time.Time{}
	for line := range strings.Lines(out) {
		at, path, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		seconds, fraction, _ := strings.Cut(at, ".")
		s, err1 := strconv.ParseInt(seconds, 10, 64)
		n, err2 := strconv.ParseInt(fraction, 10, 64)
		if err1 != nil || err2 != nil || len(fraction) != 9 {
			return nil, fmt.Errorf("times of files on %s: stat answers %q", h.Name(), line)
		}
		found[path] = time.Unix(s, n)
	}
	return found, nil
}

// FreePercent is what df says is available, of the size, by SFTP's own request.
func (h *Host) FreePercent(ctx context.Context, path string) (float64, error) {
	return look(ctx, h, "measure", path, func(c *sftp.Client) (float64, error) {
		v, err := c.StatVFS(path)
		if err != nil || v.Blocks == 0 {
			return 0, err
		}
		return 100 * float64(v.Bavail) / float64(v.Blocks), nil
	})
}
