package operation

import (
	"strings"
	"testing"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/observe"
)

// TestRememberedOnTheHost keeps what every part of a host was given last, writes nothing
// when that is the same, and is no obstacle when it cannot be understood.
func TestRememberedOnTheHost(t *testing.T) {
	h := hosttest.New("w1")
	m := &Machine{Host: h}
	give := func(path, text string) {
		t.Helper()
		want := desired.Host{Resources: []desired.Resource{{ID: "a", Files: []desired.File{{Path: path, Mode: 0o600, Content: []byte(text)}}}}}
		if err := m.remembered(t.Context(), want, nil, byApply); err != nil {
			t.Fatal(err)
		}
	}
	give("/etc/a", "1")
	give("/etc/b", "2")
	first, err := h.Stat(t.Context(), observe.AppliedPath)
	if err != nil || first.Mode.Perm() != 0o600 {
		t.Fatalf("%v, mode %v", err, first.Mode)
	}
	a, err := observe.Applied(t.Context(), h)
	if err != nil || len(a.Files) != 2 || a.Files["/etc/a"] == a.Files["/etc/b"] {
		t.Errorf("%v, %v", a, err)
	}
	give("/etc/a", "1")
	if again, err := h.Stat(t.Context(), observe.AppliedPath); err != nil || again != first {
		t.Errorf("it was written again: %v, %v", again, err)
	}
	if err := h.Put(t.Context(), host.Entry{Path: observe.AppliedPath, Mode: 0o600}, strings.NewReader("{")); err != nil {
		t.Fatal(err)
	}
	if a, err := observe.Applied(t.Context(), h); err != nil || !a.Empty() {
		t.Errorf("what is damaged: %v, %v", a, err)
	}
	give("/etc/a", "1")
	if a, err := observe.Applied(t.Context(), h); err != nil || len(a.Files) != 1 {
		t.Errorf("after that: %v, %v", a, err)
	}
}
