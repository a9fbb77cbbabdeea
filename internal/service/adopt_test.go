package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestAdopt kills the supervisor and looks that the next one neither loses nor
// doubles a service.
func TestAdopt(t *testing.T) {
	f := newFixture(t)
	f.unit("one", "ExecStart=/bin/sleep 1000", "Restart=always", "RestartSec=100ms")
	f.unit("two", "ExecStart=/bin/sh -c 'while :; do sleep 0.02; echo tick; done'", "Restart=always", "RestartSec=100ms")
	f.unit("dies", "ExecStart=/bin/sleep 1000", "Restart=always", "RestartSec=100ms")
	// A wrapper that becomes another program: number and start stay, exe does not.
	f.unit("wrapped", "ExecStart=/bin/sh -c 'sleep 0.3; exec sleep 1000'", "Restart=always")
	names := []string{"one", "two", "dies", "wrapped"}
	for _, n := range names {
		f.start(n)
	}
	before := map[string]Status{}
	for _, n := range names {
		before[n] = f.status(n)
	}
	f.killSupervisor()
	for _, n := range names {
		st := f.status(n)
		if !st.Running || st.PID != before[n].PID || len(st.Notes) == 0 {
			t.Errorf("%s without a supervisor: %+v", n, st)
		}
	}
	size := func() int64 {
		info, err := os.Stat(f.o.Log("two"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	was := size()
	eventually(t, "log lines while no supervisor runs", func() bool { return size() > was+20 })
	if err := kill(before["dies"].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of dies", func() bool { return !lives(before["dies"].PID) })
	if st := f.status("dies"); st.Running {
		t.Errorf("a dead service without a supervisor: %+v", st)
	}
	time.Sleep(400 * time.Millisecond) // wrapped has become sleep
	f.start("one")                     // any use starts the supervisor
	for _, n := range names {
		eventually(t, n, func() bool { return f.status(n).Running })
		st := f.status(n)
		if same := st.PID == before[n].PID; same != (n != "dies") {
			t.Errorf("%s: process %d, before %d", n, st.PID, before[n].PID)
		}
		if n != "dies" && !st.Since.Equal(before[n].Since) {
			t.Errorf("%s: since %v, before %v", n, st.Since, before[n].Since)
		}
	}
	// The adopted one is restarted too when it dies.
	if err := kill(before["one"].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the restart of an adopted service", func() bool {
		st := f.status("one")
		return st.Running && st.PID != before["one"].PID && st.Restarts == 1
	})
	f.stop("two") // and can be stopped
	if lives(before["two"].PID) {
		t.Error("an adopted service outlived its stop")
	}
	mains := 0
	for _, pid := range live(f.marked()) {
		if sid, err := getsid(pid); err == nil && sid == pid {
			mains++
		}
	}
	if mains != 3 {
		t.Errorf("%d services run, want 3", mains)
	}
}

func getsid(pid int) (int, error) {
	n, _, errno := syscall.Syscall(syscall.SYS_GETSID, uintptr(pid), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// TestKilledOften kills the supervisor at arbitrary moments while services are
// started and stopped, and then counts.
func TestKilledOften(t *testing.T) {
	f := newFixture(t)
	names := []string{"a", "b", "c"}
	for _, n := range names {
		f.unit(n, "ExecStart=/bin/sleep 1000", "Restart=always", "RestartSec=100ms")
	}
	for i := range 25 {
		var wg sync.WaitGroup
		for _, n := range names {
			wg.Go(func() {
				if err := f.Start(t.Context(), n); err != nil {
					t.Error(err)
				}
				if i%5 == 4 {
					if err := f.Stop(t.Context(), n); err != nil {
						t.Error(err)
					}
				}
			})
		}
		time.Sleep(time.Duration(i) * 4 * time.Millisecond)
		if a, ok := f.about(); ok {
			_ = kill(a.PID, syscall.SIGKILL)
		}
		wg.Wait()
	}
	for _, n := range names {
		f.start(n)
	}
	var pids []int
	for _, n := range names {
		pids = append(pids, f.status(n).PID)
	}
	slices.Sort(pids)
	got := live(f.marked())
	slices.Sort(got)
	if !slices.Equal(got, pids) {
		t.Errorf("processes %v run, the supervisor knows %v", got, pids)
	}
}

// TestLeftAlone looks that a child left by a service that died while no
// supervisor ran is ended with KillMode=control-group, not taken for the service.
func TestLeftAlone(t *testing.T) {
	f := newFixture(t)
	child := filepath.Join(f.dir, "child")
	script := f.write("main.sh", "#!/bin/sh\nsetsid sh -c 'echo $$ > "+child+"; exec sleep 1000' &\nexec sleep 1000\n")
	f.unit("parent", "ExecStart="+script, "Restart=always", "RestartSec=100ms")
	f.start("parent")
	eventually(t, "the child", func() bool { return readInt(child) != 0 })
	main, old := f.status("parent").PID, readInt(child)
	f.killSupervisor()
	if err := kill(main, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the main process", func() bool { return !lives(main) })
	f.start("parent")
	st := f.status("parent")
	if !st.Running || st.PID == old || st.PID == main || lives(old) {
		t.Errorf("%+v; before: main %d, child %d (lives: %v)", st, main, old, lives(old))
	}
}

// TestEndAndStart has one client end the supervisor while another starts a
// service: the service runs afterwards, under one supervisor.
func TestEndAndStart(t *testing.T) {
	f := newFixture(t)
	f.unit("one", "ExecStart=/bin/sleep 1000")
	for range 15 {
		f.start("one")
		f.stop("one")
		var wg sync.WaitGroup
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			// A refusal is right when the start was faster.
			if err := f.End(ctx, true); errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := f.Start(t.Context(), "one"); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		if st := f.status("one"); !st.Running {
			t.Fatalf("%+v", st)
		}
		if got := len(live(f.marked())); got != 1 {
			t.Fatalf("%d processes, want 1", got)
		}
		f.stop("one")
	}
}

func TestClients(t *testing.T) {
	f := newFixture(t)
	for i := range 8 {
		f.unit(fmt.Sprintf("s%d", i), "ExecStart=/bin/sleep 1000")
	}
	// All at once, and none runs yet: many supervisors are started, one stays.
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			name := fmt.Sprintf("s%d", i%8)
			if err := f.Start(t.Context(), name); err != nil {
				t.Error(err)
			}
			if st, err := f.Status(t.Context(), name); err != nil || !st.Running {
				t.Errorf("%s: %+v, %v", name, st, err)
			}
		})
	}
	wg.Wait()
	if got := len(live(f.marked())); got != 8 {
		t.Errorf("%d processes, want 8", got)
	}
	eventually(t, "one supervisor", func() bool { return len(live(f.processes()))-len(live(f.marked())) == 1 })
	for range 10 {
		for i := range 8 {
			wg.Go(func() {
				name := fmt.Sprintf("s%d", i)
				for _, do := range []func() error{
					func() error { return f.Stop(t.Context(), name) },
					func() error { return f.Start(t.Context(), name) },
					func() error { return f.Restart(t.Context(), name) },
				} {
					if err := do(); err != nil && !strings.Contains(err.Error(), "stopped while") {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	for i := range 8 {
		f.stop(fmt.Sprintf("s%d", i))
	}
	if left := live(f.marked()); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}
