package service

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/service/supervisor"
)

func TestBackoff(t *testing.T) {
	f := newFixture(t, func(o *supervisor.Options) {
		o.MaxDelay = 400 * time.Millisecond
		o.ResetAfter = 700 * time.Millisecond
	})
	times := filepath.Join(f.dir, "times")
	f.unit("crasher", `ExecStart=/bin/sh -c 'date +%%s%%N >> `+times+`; test -e `+f.dir+`/calm && sleep 1; exit 3'`, "Restart=on-failure", "RestartSec=100ms")
	f.start("crasher")
	stamps := func() []time.Time {
		data, _ := os.ReadFile(times)
		var all []time.Time
		for _, l := range strings.Fields(string(data)) {
			var n int64
			_, _ = fmt.Sscan(l, &n)
			all = append(all, time.Unix(0, n))
		}
		return all
	}
	eventually(t, "six starts", func() bool { return len(stamps()) >= 6 })
	if st := f.status("crasher"); st.Exit != "exit status 3" || st.Restarts < 5 {
		t.Errorf("status %+v", st)
	}
	all := stamps()
	waits := []string{"100ms", "200ms", "400ms", "400ms", "400ms"}
	for i, w := range waits {
		want, err := time.ParseDuration(w)
		if err != nil {
			t.Fatal(err)
		}
		// No upper bound: a busy machine adds to every wait.
		if got := all[i+1].Sub(all[i]); got < want {
			t.Errorf("wait %d was %v, want %v", i+1, got, want)
		}
	}
	// A life longer than ResetAfter takes the waits back to the first.
	f.write("calm", "")
	n := len(stamps())
	eventually(t, "two long lives", func() bool { return len(stamps()) >= n+3 })
	log, err := os.ReadFile(f.o.Log("supervisor"))
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, l := range strings.Split(string(log), "\n") {
		if _, w, ok := strings.Cut(l, "next start in "); ok {
			said = append(said, w)
		}
	}
	if len(said) < 7 || !slices.Equal(said[:5], waits) || said[len(said)-1] != "100ms" {
		t.Errorf("waits %q, want %q and 100ms at the end", said, waits)
	}
}

func TestRestartRules(t *testing.T) {
	f := newFixture(t)
	rows := []struct {
		restart, script, state string
		again                  bool
	}{
		{"no", "exit 0", "inactive", false},
		{"no", "exit 1", "failed", false},
		{"on-failure", "exit 0", "inactive", false},
		{"on-failure", "exit 1", "", true},
		{"on-failure", "kill -KILL $$$$", "", true},
		{"on-failure", "kill -TERM $$$$", "inactive", false},
		{"on-success", "exit 0", "", true},
		{"on-success", "exit 1", "failed", false},
		{"on-abnormal", "exit 1", "failed", false},
		{"on-abnormal", "kill -KILL $$$$", "", true},
		{"always", "exit 0", "", true},
	}
	for i, r := range rows {
		name := fmt.Sprintf("r%d", i)
		f.unit(name, "ExecStart=/bin/sh -c 'sleep 0.05; "+r.script+"'", "Restart="+r.restart)
		f.start(name)
	}
	for i, r := range rows {
		name := fmt.Sprintf("r%d", i)
		if r.again {
			eventually(t, r.restart+" after "+r.script, func() bool { return f.status(name).Restarts > 0 })
			continue
		}
		eventually(t, "the end of "+name, func() bool { s := f.status(name).State; return s == "inactive" || s == "failed" })
		if st := f.status(name); st.State != r.state || st.Restarts != 0 {
			t.Errorf("%s after %q: %+v", r.restart, r.script, st)
		}
	}
}

func TestStartLimit(t *testing.T) {
	f := newFixture(t)
	f.unit("limited", "ExecStart=/bin/false", "Restart=always", "RestartSec=10ms", "StartLimitInterval=60", "StartLimitBurst=3")
	_ = f.Start(t.Context(), "limited")
	eventually(t, "the limit", func() bool { return f.status("limited").State == "failed" })
	if st := f.status("limited"); st.Restarts != 2 || !strings.Contains(st.Exit, "StartLimitBurst") {
		t.Errorf("status %+v, want 2 restarts", st)
	}
}

func TestNotify(t *testing.T) {
	f := newFixture(t)
	notify := f.write("notify.py", `#!/usr/bin/env python3
import os, socket, sys, time
time.sleep(float(sys.argv[1]))
if sys.argv[2] == "yes":
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.sendto(b"STATUS=serving\nREADY=1\n", os.environ["NOTIFY_SOCKET"])
time.sleep(float(sys.argv[3]))
`)
	f.unit("good", "Type=notify", "ExecStart="+notify+" 0.3 yes 1000")
	begin := time.Now()
	f.start("good")
	if took := time.Since(begin); took < 300*time.Millisecond {
		t.Errorf("the start returned after %v, before READY=1", took)
	}
	if st := f.status("good"); st.State != "active" {
		t.Errorf("status %+v", st)
	}
	f.unit("silent", "Type=notify", "TimeoutStartSec=300ms", "ExecStart="+notify+" 0 no 1000")
	if err := f.Start(t.Context(), "silent"); err == nil || !strings.Contains(err.Error(), "not ready after 300ms") {
		t.Errorf("start without READY=1: %v", err)
	}
	f.unit("ends", "Type=notify", "ExecStart="+notify+" 0 no 0.1")
	if err := f.Start(t.Context(), "ends"); err == nil || !strings.Contains(err.Error(), "before it was ready: exit status 0") {
		t.Errorf("start of one that ends: %v", err)
	}
	// A stop does not wait for a start.
	f.unit("slow", "Type=notify", "ExecStart="+notify+" 1000 yes 1")
	result := make(chan error, 1)
	go func() { result <- f.Start(t.Context(), "slow") }()
	eventually(t, "the slow start", func() bool { return f.status("slow").Running })
	if st := f.status("slow"); st.State != "activating" {
		t.Errorf("status %+v", st)
	}
	f.stop("slow")
	if err := <-result; err == nil || !strings.Contains(err.Error(), "stopped") {
		t.Errorf("the start that was stopped: %v", err)
	}
}

func TestPreAndOneshot(t *testing.T) {
	f := newFixture(t)
	mark := filepath.Join(f.dir, "mark")
	f.unit("pre", "ExecStartPre=-/no/such/modprobe overlay", "ExecStartPre=/bin/sh -c 'echo pre >> "+mark+"'", "ExecStart=/bin/sh -c 'echo main >> "+mark+"; exec sleep 1000'")
	f.start("pre")
	eventually(t, "both", func() bool { data, _ := os.ReadFile(mark); return string(data) == "pre\nmain\n" })
	f.unit("badpre", "ExecStartPre=/bin/false", "ExecStart=/bin/sleep 1000")
	if err := f.Start(t.Context(), "badpre"); err == nil || !strings.Contains(err.Error(), "ExecStartPre=/bin/false: exit status 1") {
		t.Errorf("start with a failing ExecStartPre=: %v", err)
	}
	f.unit("once", "Type=oneshot", "RemainAfterExit=yes", "ExecStart=/bin/sh -c 'sleep 0.2; echo once >> "+mark+"'")
	f.start("once")
	if data, _ := os.ReadFile(mark); !strings.HasSuffix(string(data), "once\n") {
		t.Error("the start returned before the oneshot was done")
	}
	if st := f.status("once"); st.State != "active" || st.Running {
		t.Errorf("status %+v", st)
	}
	f.stop("once")
}
