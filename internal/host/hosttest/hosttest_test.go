package hosttest

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"keelway.dev/keelway/internal/host"
)

func TestConform(t *testing.T) {
	Conform(t, func(*testing.T) (host.Host, string, int, int) {
		h := New("memory")
		if err := h.Put(t.Context(), host.Entry{Path: "/data", Mode: fs.ModeDir | 0o755}, nil); err != nil {
			t.Fatal(err)
		}
		return h, "/data", 1000, 1001
	})
}

func TestFaults(t *testing.T) {
	h := New("memory")
	h.Inject(Fault{Op: "put", Path: "/etc/", Nth: 2, Err: syscall.ENOSPC})
	put := func(p string) error {
		return h.Put(t.Context(), host.Entry{Path: p, Mode: 0o644}, strings.NewReader("12345"))
	}
	for i, p := range []string{"/var/x", "/etc/a", "/etc/b", "/etc/c"} {
		if err := put(p); (i == 2) != errors.Is(err, syscall.ENOSPC) {
			t.Errorf("put %d (%s): %v", i, p, err)
		}
	}
	h.Heal()
	h.SetSpace(8)
	if err := put("/etc/d"); err != nil {
		t.Error(err)
	}
	if err := put("/etc/e"); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the second five bytes in eight: %v", err)
	}
	h.Mount("/etc/m")
	if err := h.Remove(t.Context(), "/etc"); err == nil || !strings.Contains(err.Error(), "/etc/m") {
		t.Errorf("remove across a mount: %v", err)
	}
}

func TestCommands(t *testing.T) {
	h := New("memory")
	h.Answer("general", 0, "systemctl")
	h.Answer("special", 3, "systemctl", "is-active")
	res, err := h.Run(t.Context(), host.Command{Argv: []string{"systemctl", "is-active", "x"}})
	if err != nil || string(res.Stdout) != "special" || res.Code != 3 {
		t.Errorf("%+v, %v", res, err)
	}
	if got := h.Ran(); len(got) != 1 || got[0] != "systemctl is-active x" {
		t.Errorf("recorded %q", got)
	}
	if _, err := h.Dial(t.Context(), "tcp", "127.0.0.1:1"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial of nothing: %v", err)
	}
}
