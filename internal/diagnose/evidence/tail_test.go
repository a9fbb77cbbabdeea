package evidence

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/host/local"
)

func put(t *testing.T, h host.Host, path, content string) {
	t.Helper()
	if err := h.Put(context.Background(), host.Entry{Path: path, Mode: 0o640}, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}

// The local host can seek in a file, others only read it: both must give the
// same last lines of a file that is longer than what is read.
func TestTail(t *testing.T) {
	var b strings.Builder
	for i := range 40000 {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	here, err := local.New("here")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	memory := hosttest.New("memory")
	put(t, memory, path, b.String())
	for _, h := range []host.Host{here, memory} {
		lines, err := tail(context.Background(), h, path, 3)
		if got := strings.Join(lines, ","); err != nil || got != "line 39997,line 39998,line 39999" {
			t.Errorf("%s: %s, %v", h.Name(), got, err)
		}
		all, err := tail(context.Background(), h, path, 1<<30)
		if err != nil || len(all) < 5000 || !strings.HasPrefix(all[0], "line ") || len(all[0]) != len("line 39999") {
			t.Errorf("%s: %d lines, the first is %q, %v", h.Name(), len(all), all[0], err)
		}
	}
}

func TestLogFiles(t *testing.T) {
	h := hosttest.New("node")
	put(t, h, podLogs+"/kube-system_etcd-a_1/etcd/0.log", "x")
	put(t, h, podLogs+"/kube-system_kube-proxy-x_1/kube-proxy/0.log", "x")
	put(t, h, podLogs+"/kube-system_etcd-a_1/etcd/1.log", "x")
	put(t, h, podLogs+"/kube-system_etcd-a_1/etcd/0.log.20261122-051637.gz", "x")
	put(t, h, podLogs+"/default_etcd-b_1/etcd/9.log", "x")
	var got []string
	for _, f := range logFiles(context.Background(), h, "kube-system", "etcd-") {
		got = append(got, f.path)
	}
	want := podLogs + "/kube-system_etcd-a_1/etcd/1.log " + podLogs + "/kube-system_etcd-a_1/etcd/0.log"
	if strings.Join(got, " ") != want {
		t.Errorf("%v", got)
	}
}
