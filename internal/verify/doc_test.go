package verify_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/verify"
)

var update = flag.Bool("update", false, "write the table of checks into its page")

// page is the document that holds the table, between the two marks.
const (
	page  = "../../docs/tasks/verify.md"
	begin = "<!-- made from the table of checks: go test ./internal/verify -run TestPage -update -->\n"
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
	table := "| name | what must be so | why | what to do |\n|---|---|---|---|\n"
	for _, c := range verify.Checks() {
		table += fmt.Sprintf("| `%s` | %s | %s | %s |\n", c.Name, c.What, c.Why, c.Fix)
	}
	want := head + begin + table + "\n" + end + tail
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s is not up to date: run go test ./internal/verify -run TestPage -update", page)
	}
	if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
