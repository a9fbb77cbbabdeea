package ssh

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"keelway.dev/keelway/internal/host"
)

// SHA256 reckons a file's checksum on the machine.
func (h *Host) SHA256(ctx context.Context, path string) (string, error) {
	out, err := h.about(ctx, path, "sha256sum", "--", path)
	if err != nil {
		return "", err
	}
	// A name with a backslash or newline makes the line begin with a backslash.
	sum, _, ok := strings.Cut(strings.TrimPrefix(out, `\`), " ")
	if !ok || len(sum) != 64 {
		return "", fmt.Errorf("checksum of %s on %s: sha256sum answers %q", path, h.Name(), out)
	}
	return sum, nil
}

// Modified is when a file was changed last, to the nanosecond.
func (h *Host) Modified(ctx context.Context, path string) (time.Time, error) {
	out, err := h.about(ctx, path, "stat", "-c", "%.9Y", "--", path)
	if err != nil {
		return time.Time{}, err
	}
	seconds, fraction, _ := strings.Cut(strings.TrimSpace(out), ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("time of %s on %s: stat answers %q", path, h.Name(), out)
	}
	n, err := strconv.ParseInt(fraction, 10, 64)
	if err != nil || len(fraction) != 9 {
		return time.Time{}, fmt.Errorf("time of %s on %s: stat answers %q", path, h.Name(), out)
	}
	return time.Unix(s, n), nil
}

// about runs a program that says something about a file.
func (h *Host) about(ctx context.Context, path string, argv ...string) (string, error) {
	if err := checkPath(path); err != nil {
		return "", err
	}
	res, err := h.Run(ctx, host.Command{Argv: argv, Env: []string{"LC_ALL=C"}})
	if err != nil {
		return "", err
	}
	if res.Code != 0 {
		why := strings.TrimSpace(string(res.Stderr))
		if strings.HasSuffix(why, "No such file or directory") {
			return "", &fs.PathError{Op: argv[0], Path: path, Err: fs.ErrNotExist}
		}
		return "", fmt.Errorf("%s on %s: exit status %d: %s", strings.Join(argv, " "), h.Name(), res.Code, why)
	}
	return string(res.Stdout), nil
}
