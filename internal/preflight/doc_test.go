package preflight_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/preflight"
)

var update = flag.Bool("update", false, "write the table of checks into its page")

// page is the document that holds the table, between the two marks.
const (
	page  = "../../docs/tasks/preflight.md"
	begin = "<!-- made from the table of checks: go test ./internal/preflight -run TestPage -update -->\n"
	end   = "<!-- end of the table -->\n"
)

// TestPage keeps the page's table equal to the checks.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(text), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s lacks its marks", page)
	}
	want := head + begin + table() + end + tail
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s is not up to date: run go test ./internal/preflight -run TestPage -update", page)
	}
	if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func table() string {
	var b strings.Builder
	for _, part := range []struct {
		title   string
		kubeadm bool
	}{{"### kubeadm's checks", true}, {"### Keelway's own checks", false}} {
		fmt.Fprintf(&b, "%s\n\n| name | it is | what must be so | why | what to do |\n|---|---|---|---|---|\n", part.title)
		for _, c := range preflight.Checks() {
			if c.Kubeadm == part.kubeadm {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", c.Name, c.Severity, c.What, c.Why, c.Fix)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// The table's own rules: a name once, and words everywhere.
func TestChecks(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range preflight.Checks() {
		if seen[c.Name] || c.What == "" || c.Why == "" || c.Fix == "" || c.Severity == "" {
			t.Errorf("%+v", c)
		}
		seen[c.Name] = true
	}
}
