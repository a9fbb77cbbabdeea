package service

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
)

func TestDetectRemote(t *testing.T) {
	machine := func(init string, booted bool) *hosttest.Host {
		h := hosttest.New("node-1")
		put := func(e host.Entry, content string) {
			if err := h.Put(t.Context(), e, strings.NewReader(content)); err != nil {
				t.Fatal(err)
			}
		}
		put(host.Entry{Path: "/proc/1/comm", Mode: 0o444}, init+"\n")
		if booted {
			put(host.Entry{Path: "/run/systemd/system", Mode: fs.ModeDir | 0o755}, "")
		}
		return h
	}
	m, err := DetectRemote(t.Context(), machine("systemd", true))
	if err != nil || m.Kind() != "systemd" {
		t.Errorf("%v, %v", m, err)
	}
	for _, h := range []*hosttest.Host{machine("init", false), machine("init", true)} {
		_, err = DetectRemote(t.Context(), h)
		var none *NoSystemdError
		if !errors.As(err, &none) || none.Host != "node-1" || none.Init != "init" {
			t.Errorf("a host without systemd: %v", err)
		}
	}
}
