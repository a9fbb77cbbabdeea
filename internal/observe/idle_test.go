package observe

import (
	"slices"
	"testing"

	"keelway.dev/keelway/internal/host/hosttest"
)

func TestIdle(t *testing.T) {
	h := hosttest.New("h")
	o := &Observer{Host: h}
	look := func() []string { return o.idle(t.Context(), []string{"cni0"}) }
	if have := look(); len(have) > 0 {
		t.Errorf("no bridge: %v", have)
	}
	h.WriteFile(t, "/sys/class/net/cni0/brif/veth1/port_no", 0o444, "0x1")
	if have := look(); len(have) > 0 {
		t.Errorf("a pod is connected: %v", have)
	}
	if err := h.Remove(t.Context(), "/sys/class/net/cni0/brif/veth1"); err != nil {
		t.Fatal(err)
	}
	if have := look(); !slices.Equal(have, []string{"cni0"}) {
		t.Errorf("nothing is connected: %v", have)
	}
}
