package step

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/service"
)

// TestFolderHoldsNothingElse: what nothing asks for is seen, told and removed.
func TestFolderHoldsNothingElse(t *testing.T) {
	t.Parallel()
	h := hosttest.New("h")
	put := func(path string) {
		t.Helper()
		if err := h.Put(t.Context(), host.Entry{Path: path, Mode: 0o644}, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
	}
	put("/etc/a/kept")
	put("/etc/a/old/deep")
	put("/etc/b/other")
	want := desired.Host{Name: "h", Resources: []desired.Resource{{ID: "x/y", Files: []desired.File{
		{Path: "/etc/a", Mode: fs.ModeDir | 0o755, Holds: []string{"kept", "new"}},
		{Path: "/etc/a/kept", Mode: 0o644, Content: []byte("x")},
		{Path: "/etc/a/new", Mode: 0o644, Content: []byte("x")},
		{Path: "/etc/b", Mode: fs.ModeDir | 0o755},
	}}}}
	decide := func() plan.Plan {
		seen, err := (&observe.Observer{Host: h, Services: service.Manager(nil)}).Look(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		return plan.Make(want, seen, plan.Inputs{Now: time.Now()})
	}
	p := decide()
	if len(p.Steps) != 1 || p.Steps[0].Reason != "/etc/a holds old, which nothing asks for" || len(p.Steps[0].Resource.Files) != 2 {
		t.Fatalf("the plan is %+v", p)
	}
	if err := (&Runner{Host: h}).Run(t.Context(), p.Steps[0], func(string) {}); err != nil {
		t.Fatal(err)
	}
	if p := decide(); len(p.Steps) > 0 {
		t.Errorf("after it %+v is left", p.Steps)
	}
	for path, there := range map[string]bool{"/etc/a/kept": true, "/etc/a/old": false, "/etc/b/other": true} {
		if _, err := h.Stat(t.Context(), path); (err == nil) != there {
			t.Errorf("%s is there: %v, want %t", path, err, there)
		}
	}
}
