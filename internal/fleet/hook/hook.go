// Package hook runs the programs and scripts that a cluster's owner has run around changes.
package hook

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/host"
)

// RunsOn tells whether a hook is for a host.
func RunsOn(h file.Hook, on file.Host) bool {
	if len(h.Hosts) > 0 {
		return slices.Contains(h.Hosts, on.Name)
	}
	return len(h.Roles) == 0 || slices.ContainsFunc(h.Roles, on.Is)
}

// Run runs a hook to its end, and returns the last lines of what it said. The
// error is of one that could not be run, failed or took too long.
func Run(ctx context.Context, on host.Host, name string, h file.Hook) (said string, err error) {
	c := host.Command{Argv: h.Command, Env: []string{"KEELWAY_HOST=" + name}}
	if h.Script != "" {
		// By its standard input, so that no list of processes shows what it says.
		c.Argv, c.Stdin = []string{"/bin/sh", "-s"}, strings.NewReader(h.Script)
	}
	limited, cancel := context.WithTimeout(ctx, h.Timeout.Duration)
	defer cancel()
	res, err := on.Run(limited, c)
	said = last(string(res.Stdout) + string(res.Stderr))
	switch {
	case ctx.Err() == nil && limited.Err() != nil:
		return said, fmt.Errorf("it did not end within %s", h.Timeout.Duration)
	case err != nil:
		return said, err
	case res.Code != 0:
		return said, fmt.Errorf("it ended with exit code %d", res.Code)
	}
	return said, nil
}

// shown is how many lines of a hook's output are told.
const shown = 40

func last(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if n := len(lines); n > shown {
		lines = append([]string{fmt.Sprintf("(%d lines before these)", n-shown)}, lines[n-shown:]...)
	}
	return strings.Join(lines, "\n")
}
