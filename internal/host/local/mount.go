package local

import (
	"fmt"
	"os"

	"keelway.dev/keelway/internal/host"
)

// mountsBelow lists the mount points at and below path, which has no links in it.
func mountsBelow(path string) ([]string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("find out what is mounted: %w", err)
	}
	defer f.Close()
	return host.MountsBelow(f, path)
}
