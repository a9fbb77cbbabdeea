package service

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"keelway.dev/keelway/internal/host"
)

func TestLife(t *testing.T) {
	f := newFixture(t)
	f.unit("sleeper", "ExecStart=/bin/sleep 1000", "TasksMax=infinity", "Restart=always")
	if st := f.status("sleeper"); st.State != "inactive" || st.Running {
		t.Errorf("before its start, without a supervisor: %+v", st)
	}
	if st := f.status("nothing"); st.State != "" {
		t.Errorf("status of a service that is not known: %+v", st)
	}
	if _, ok := f.about(); ok {
		t.Fatal("looking at a service started a supervisor")
	}
	f.start("sleeper")
	st := f.status("sleeper")
	if !st.Running || st.State != "active" || !lives(st.PID) || time.Since(st.Since) > 10*time.Second {
		t.Errorf("after its start: %+v", st)
	}
	if len(st.Notes) == 0 || !strings.Contains(st.Notes[0], "Service.TasksMax=") {
		t.Errorf("notes %q, want one about TasksMax=", st.Notes)
	}
	if !strings.Contains(st.Boot, "PID 1 is testinit, which starts nothing") {
		t.Errorf("boot %q", st.Boot)
	}
	link := f.dir + "/etc/keelway.target.wants/sleeper.service"
	if to, err := os.Readlink(link); err != nil || to != f.dir+"/usr/sleeper.service" {
		t.Errorf("enabled by %q, %v", to, err)
	}
	f.start("sleeper")
	if again := f.status("sleeper"); again.PID != st.PID {
		t.Errorf("a second start changed the process from %d to %d", st.PID, again.PID)
	}
	if err := f.Restart(t.Context(), "sleeper"); err != nil {
		t.Fatal(err)
	}
	again := f.status("sleeper")
	if again.PID == st.PID || lives(st.PID) || !again.Running {
		t.Errorf("after a restart: %+v, before %d", again, st.PID)
	}
	if err := f.End(t.Context(), true); err == nil || !strings.Contains(err.Error(), "sleeper") {
		t.Errorf("ending the supervisor under a running service: %v", err)
	}
	f.stop("sleeper")
	f.stop("sleeper")
	if st := f.status("sleeper"); st.Running || st.State != "inactive" || st.Exit != "signal: terminated" {
		t.Errorf("after its stop: %+v", st)
	}
	if lives(again.PID) {
		t.Error("the process outlived the stop")
	}
	if err := f.Restart(t.Context(), "sleeper"); err != nil {
		t.Error(err)
	}
	f.stop("sleeper")
	if err := f.End(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if err := f.End(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"run", "log", "etc"} {
		if p == "etc" {
			p = "etc/keelway.target.wants"
		}
		if _, err := os.Lstat(filepath.Join(f.dir, p)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left after the end", p)
		}
	}
	eventually(t, "the end of all processes", func() bool { return len(live(f.processes())) == 0 })
}

func live(pids []int) []int {
	return slices.DeleteFunc(pids, func(p int) bool { return !lives(p) })
}

func TestMissing(t *testing.T) {
	f := newFixture(t)
	if err := f.Start(t.Context(), "nothing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("start of no unit: %v", err)
	}
	if err := f.Stop(t.Context(), "nothing"); err != nil {
		t.Errorf("stop of no unit: %v", err)
	}
	for _, bad := range []string{"", "../x", "a/b", "x.service", ".hidden"} {
		if err := f.Start(t.Context(), bad); err == nil {
			t.Errorf("start of %q was not refused", bad)
		}
	}
	f.unit("gone", "ExecStart="+f.dir+"/no-such-program --flag", "Restart=always", "RestartSec=100ms")
	err := f.Start(t.Context(), "gone")
	if err == nil || !strings.Contains(err.Error(), f.dir+"/no-such-program: no such file") {
		t.Errorf("start without a program: %v", err)
	}
	st := f.status("gone")
	if st.Running || st.State != "activating" || !strings.Contains(st.Exit, "no such file") {
		t.Errorf("status without a program: %+v", st)
	}
	// Once the program is there, nobody has to wait for the back-off's end.
	eventually(t, "a long back-off", func() bool { return f.status("gone").Restarts >= 3 })
	f.write("no-such-program", "#!/bin/sh\nexec sleep 1000\n")
	begin := time.Now()
	f.start("gone")
	if took := time.Since(begin); took > 500*time.Millisecond {
		t.Errorf("the start during the back-off took %v", took)
	}
	if st := f.status("gone"); !st.Running {
		t.Errorf("with the program: %+v", st)
	}
	f.unit("interp", "ExecStart="+f.write("bad-script", "#!/no/such/interpreter\n"))
	if err := f.Start(t.Context(), "interp"); err == nil || !strings.Contains(err.Error(), "interpreter") {
		t.Errorf("start of a script without its interpreter: %v", err)
	}
	if st := f.status("interp"); st.State != "failed" {
		t.Errorf("Restart=no and no interpreter: %+v", st)
	}
	if err := f.Stop(t.Context(), "interp"); err != nil || f.status("interp").State != "inactive" {
		t.Errorf("stop of a failed service: %v, %+v", err, f.status("interp"))
	}
}

func TestSecondSupervisor(t *testing.T) {
	f := newFixture(t)
	f.unit("one", "ExecStart=/bin/sleep 1000")
	f.start("one")
	first, _ := f.about()
	res, err := f.host.Run(t.Context(), command(f.o.Argv()))
	if err != nil {
		t.Fatal(err)
	}
	if res.Code == 0 || !strings.Contains(string(res.Stderr), "another supervisor is running") {
		t.Errorf("a second supervisor: %d %s", res.Code, res.Stderr)
	}
	if res, err = f.host.Run(t.Context(), command(f.o.Argv("--detach"))); err != nil || res.Code != 0 {
		t.Errorf("a second --detach: %+v, %v", res, err)
	}
	if now, ok := f.about(); !ok || now.PID != first.PID {
		t.Errorf("the supervisor changed from %+v to %+v", first, now)
	}
}

func command(argv []string) host.Command { return host.Command{Argv: argv} }

func TestSignals(t *testing.T) {
	// As under nohup, which children inherit.
	signal.Ignore(syscall.SIGHUP)
	defer signal.Reset(syscall.SIGHUP)
	f := newFixture(t)
	f.unit("one", "ExecStart=/bin/sleep 1000", "Restart=always")
	f.start("one")
	a, _ := f.about()
	pid := f.status("one").PID
	for range 3 { // the terminal goes
		if err := kill(a.PID, syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(50 * time.Millisecond)
	if now, ok := f.about(); !ok || now.PID != a.PID {
		t.Fatalf("after SIGHUP: %+v", now)
	}
	for _, p := range []int{a.PID, pid} {
		if sid, err := getsid(p); err != nil || sid != p {
			t.Errorf("process %d is in session %d, not in its own", p, sid)
		}
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
		if err != nil {
			t.Fatal(err)
		}
		if tty := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))[4]; tty != "0" {
			t.Errorf("process %d has terminal %s", p, tty)
		}
	}
	// A service must be able to be hung up, too.
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range strings.Split(string(status), "\n") {
		v, ok := strings.CutPrefix(l, "SigIgn:\t")
		if !ok {
			continue
		}
		ignored, err := strconv.ParseUint(v, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		// 32 and 33 are the C library's own: a make that was built with it hands
		// them on ignored, and nobody can change that.
		if ignored &^= 1<<31 | 1<<32; ignored != 0 {
			t.Errorf("the service ignores signals %x", ignored)
		}
	}
	if err := kill(a.PID, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the supervisor's end", func() bool { return !lives(a.PID) })
	if !lives(pid) {
		t.Error("the service ended with its supervisor")
	}
	f.start("one")
	if st := f.status("one"); st.PID != pid {
		t.Errorf("after SIGTERM and a new supervisor: %+v, before %d", st, pid)
	}
}

func TestHalt(t *testing.T) {
	f := newFixture(t)
	order := filepath.Join(f.dir, "order")
	unit := func(name, after string) {
		f.write("usr/"+name+".service", "[Unit]\nAfter="+after+".service network.target\n[Service]\nEnvironment=FIXTURE="+f.dir+
			"\nExecStart=/bin/sh -c 'trap \"echo -"+name+" >> "+order+"; exit 0\" TERM; echo +"+name+" >> "+order+"; while :; do sleep 0.01; done'\n")
	}
	unit("first", "nothing")
	unit("second", "first")
	unit("third", "second")
	for _, n := range []string{"third", "second", "first"} {
		f.start(n)
	}
	lines := func() string { data, _ := os.ReadFile(order); return strings.ReplaceAll(string(data), "\n", " ") }
	eventually(t, "all three", func() bool { return len(strings.Fields(lines())) == 3 })
	a, _ := f.about()
	if res, err := f.host.Run(t.Context(), command(f.o.Argv("--halt"))); err != nil || res.Code != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	eventually(t, "the supervisor's end", func() bool { return !lives(a.PID) })
	if left := live(f.marked()); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if got := lines(); !strings.HasSuffix(got, "-third -second -first ") {
		t.Errorf("order %q", got)
	}
	// The next boot: what was enabled starts.
	if err := os.Remove(order); err != nil {
		t.Fatal(err)
	}
	if res, err := f.host.Run(t.Context(), command(f.o.Argv("--detach"))); err != nil || res.Code != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	eventually(t, "all three again", func() bool { return len(strings.Fields(lines())) == 3 })
}

func TestFast(t *testing.T) {
	f := newFixture(t)
	f.unit("warm", "ExecStart=/bin/sleep 1000")
	f.start("warm")
	// The best of several: the machine may have other things to do.
	start, status := time.Hour, time.Hour
	for i := range 10 {
		name := fmt.Sprintf("fast%d", i)
		f.unit(name, "ExecStart=/bin/sleep 1000")
		begin := time.Now()
		f.start(name)
		start = min(start, time.Since(begin))
		begin = time.Now()
		f.status(name)
		status = min(status, time.Since(begin))
	}
	t.Logf("start %v, status %v", start, status)
	if start > 30*time.Millisecond || status > 10*time.Millisecond {
		t.Errorf("start took %v, status %v", start, status)
	}
}
