package step

import (
	"context"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/plan"
)

func setting(module string) plan.Step {
	return plan.Step{Host: "h", Resource: desired.Resource{ID: "sysctl/network", Sysctls: []desired.Sysctl{
		{Name: "net.bridge.bridge-nf-call-iptables", Value: "1", Note: "filter bridges", Module: module}}}}
}

// TestSysctlOfAModule: the module is loaded only where the setting is absent.
func TestSysctlOfAModule(t *testing.T) {
	const file = "/proc/sys/net/bridge/bridge-nf-call-iptables"
	for _, row := range []struct {
		name, module string
		there        bool
		brings       bool
		code         int
		says         string
		loads        bool
	}{
		{name: "there already", module: "br_netfilter", there: true},
		{name: "no module is known", says: "has no setting net.bridge.bridge-nf-call-iptables (needed: filter bridges)"},
		{name: "modprobe brings it", module: "br_netfilter", brings: true, loads: true},
		{name: "modprobe fails", module: "br_netfilter", code: 1, loads: true, says: "cannot load the kernel module br_netfilter on h: not in this kernel"},
		{name: "modprobe brings nothing", module: "br_netfilter", loads: true, says: "has no setting"},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := hosttest.New("h")
			h.Answer("", 0, "tee", file)
			put := func() {
				if err := h.Put(context.Background(), host.Entry{Path: file, Mode: 0o644}, strings.NewReader("0\n")); err != nil {
					t.Error(err)
				}
			}
			loaded := false
			h.Handle(func(context.Context, *hosttest.Host, host.Command, []byte) (host.Result, error) {
				loaded = true
				if row.brings {
					put()
				}
				return host.Result{Stderr: []byte("not in this kernel"), Code: row.code}, nil
			}, "modprobe", "--", "br_netfilter")
			if row.there {
				put()
			}
			err := (&Runner{Host: h}).Run(t.Context(), setting(row.module), func(string) {})
			if row.says == "" && err != nil || row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)) {
				t.Errorf("error %v, want %q", err, row.says)
			}
			if loaded != row.loads {
				t.Errorf("modprobe was called: %t, want %t", loaded, row.loads)
			}
		})
	}
}
