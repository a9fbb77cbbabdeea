// Package resulttest compares findings in tests.
package resulttest

import (
	"strings"
	"testing"

	"keelway.dev/keelway/internal/verify/result"
)

// Expect compares what was found, line by line, with parts of it that are wanted.
func Expect(t *testing.T, name string, found []result.Finding, want ...string) {
	t.Helper()
	var lines []string
	for _, f := range found {
		lines = append(lines, string(f.Level)+" "+f.String())
	}
	if len(lines) != len(want) {
		t.Errorf("%s: found\n%s\nwant %d: %q", name, strings.Join(lines, "\n"), len(want), want)
		return
	}
	for i, line := range lines {
		if !strings.Contains(line, want[i]) {
			t.Errorf("%s: found %q, want %q", name, line, want[i])
		}
	}
}
