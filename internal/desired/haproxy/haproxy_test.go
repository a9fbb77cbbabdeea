package haproxy_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired/haproxy"
	"keelway.dev/keelway/internal/release"
)

var update = flag.Bool("update", false, "write the golden files anew")

const ca = "/etc/kubernetes/pki/ca.crt"

func three(local bool, address string, port int32) cluster.Balancer {
	return cluster.Balancer{Local: local, Address: address, Port: port, Backends: []cluster.Backend{
		{Name: "cp1", Address: "192.0.2.1:6443"}, {Name: "cp2", Address: "192.0.2.2:6443"}, {Name: "cp3", Address: "192.0.2.3:6443"},
	}}
}

func TestGolden(t *testing.T) {
	m := &cluster.Model{Release: release.Default(), Balancer: three(true, "127.0.0.1", 7443)}
	golden(t, "node.cfg", haproxy.Config(m.Balancer, ca))
	golden(t, "host.cfg", haproxy.Config(three(false, "", 6443), ""))
	golden(t, "unit.service", haproxy.Unit())
	golden(t, "pod.yaml", config.Marshal(haproxy.Pod(m, ca)))
}

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs (run with -update to accept):\n%s", name, got)
	}
}

func TestConfig(t *testing.T) {
	rows := []struct {
		name     string
		balancer cluster.Balancer
		want     []string
	}{
		{"a node's own", three(true, "127.0.0.1", 7443), []string{"  bind 127.0.0.1:7443\n", "  server cp3 192.0.2.3:6443\n"}},
		{"a node's own, IPv6", three(true, "::1", 7443), []string{"  bind [::1]:7443\n"}},
		{"a machine of its own", three(false, "", 6443), []string{"  bind :::6443 v4v6\n"}},
		{"IPv6 servers", cluster.Balancer{Port: 1, Backends: []cluster.Backend{{Name: "a", Address: "[2001:db8::1]:6443"}}}, []string{"  server a [2001:db8::1]:6443\n"}},
	}
	for _, row := range rows {
		got := string(haproxy.Config(row.balancer, ca))
		for _, want := range row.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s", row.name, want, got)
			}
		}
	}
}

// TestChange has the pod change, and so be started anew, exactly when its
// configuration does.
func TestChange(t *testing.T) {
	m := &cluster.Model{Release: release.Default(), Balancer: three(true, "127.0.0.1", 7443)}
	before := haproxy.Pod(m, ca).Annotations[haproxy.HashAnnotation]
	if again := haproxy.Pod(m, ca).Annotations[haproxy.HashAnnotation]; again != before || before == "" {
		t.Errorf("the same configuration has the hashes %q and %q", before, again)
	}
	m.Balancer.Backends = m.Balancer.Backends[1:]
	if haproxy.Pod(m, ca).Annotations[haproxy.HashAnnotation] == before {
		t.Error("a control plane less leaves the pod as it is")
	}
}

// TestParse reads back what was written.
func TestParse(t *testing.T) {
	for _, b := range []cluster.Balancer{three(true, "127.0.0.1", 7443), three(true, "::1", 7443), three(false, "", 6443), three(false, "192.0.2.9", 443)} {
		got := haproxy.Parse(string(haproxy.Config(b, ca)))
		got.Local = b.Local
		if !reflect.DeepEqual(got, b) {
			t.Errorf("%+v, want %+v", got, b)
		}
	}
	if b := haproxy.Parse("frontend\n  bind\n  server x\n"); b.Present() {
		t.Errorf("%+v", b)
	}
}
