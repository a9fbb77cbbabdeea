package host

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// MountsBelow reads a /proc/PID/mountinfo and lists the mount points at and
// below path, which has no links in it. The kernel's table also names the bind
// mounts of the same device, which no device number gives away.
func MountsBelow(mountinfo io.Reader, path string) ([]string, error) {
	var found []string
	lines := bufio.NewScanner(mountinfo)
	lines.Buffer(nil, 1<<20) // an overlay of many layers makes long lines
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 {
			continue
		}
		point := unescape(fields[4])
		if point == path || strings.HasPrefix(point, path+string(filepath.Separator)) {
			found = append(found, point)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the table of mounts: %w", err)
	}
	return found, nil
}

// unescape undoes the kernel's octal escapes of space, tab, newline and backslash.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
