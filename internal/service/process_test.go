package service

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"keelway.dev/keelway/internal/service/supervisor"
)

func TestKillModes(t *testing.T) {
	f := newFixture(t)
	// A child of its own session, which only its environment gives away.
	script := func(name string) string {
		return "ExecStart=" + f.write(name+".sh", "#!/bin/sh\nsetsid sh -c 'echo $$ > "+f.dir+"/"+name+".child; exec sleep 1000' &\nexec sleep 1000\n")
	}
	for _, mode := range []string{"process", "control-group", "mixed"} {
		f.unit(mode, script(mode), "KillMode="+mode)
		f.start(mode)
		file := filepath.Join(f.dir, mode+".child")
		eventually(t, file, func() bool { return readInt(file) != 0 })
		main, child := f.status(mode).PID, readInt(file)
		f.stop(mode)
		if lives(main) {
			t.Errorf("KillMode=%s: the main process lives on", mode)
		}
		if got, want := lives(child), mode == "process"; got != want {
			t.Errorf("KillMode=%s: the child lives: %v, want %v", mode, got, want)
		}
		if mode == "process" {
			a, _ := f.about()
			eventually(t, "the child's way to the supervisor", func() bool { return parent(child) == a.PID })
			if err := kill(child, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the reaping of the child", func() bool { return syscall.Kill(child, 0) != nil })
		}
	}
}

func parent(pid int) int {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	var state string
	var ppid int
	_, _ = fmt.Sscan(string(data[strings.LastIndexByte(string(data), ')')+1:]), &state, &ppid)
	return ppid
}

func TestStubborn(t *testing.T) {
	f := newFixture(t)
	f.unit("stubborn", `ExecStart=/bin/sh -c "trap '' TERM; echo up; while :; do sleep 0.1; done"`, "TimeoutStopSec=300ms")
	f.start("stubborn")
	eventually(t, "its trap", func() bool { l, _ := f.Logs(t.Context(), "stubborn", 1); return len(l) == 1 })
	begin := time.Now()
	f.stop("stubborn")
	if took := time.Since(begin); took < 300*time.Millisecond || took > 2*time.Second {
		t.Errorf("the stop took %v", took)
	}
	if st := f.status("stubborn"); st.Exit != "signal: killed" {
		t.Errorf("status %+v", st)
	}
	if left := live(f.marked()); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestEnvironment(t *testing.T) {
	f := newFixture(t)
	file := f.write("env", "# comment\nFROM_FILE=\"two words\"\nOVER=file\nARGS=--a --b='c d'\n")
	out := filepath.Join(f.dir, "out")
	dump := f.write("dump.sh", "#!/bin/sh\nfor a; do echo \"[$a]\" >> "+out+"; done\nenv > "+out+".tmp; mv "+out+".tmp "+out+".env\nexec sleep 1000\n")
	f.unit("env", "Environment=OVER=unit KEPT=unit", "EnvironmentFile="+file, "EnvironmentFile=-"+f.dir+"/none", "ExecStart=/no/such")
	f.write("etc/env.service.d/10-x.conf", "[Service]\nExecStart=\nExecStart="+dump+" $ARGS ${FROM_FILE} x${OVER}y $UNSET $$HOME\n")
	t.Setenv("SECRET_OF_THE_USER", "do not leak")
	f.start("env")
	eventually(t, "its output", func() bool { _, err := os.Stat(out + ".env"); return err == nil && f.status("env").Running })
	got, _ := os.ReadFile(out)
	if want := "[--a]\n[--b=c d]\n[two words]\n[xfiley]\n[$HOME]\n"; string(got) != want {
		t.Errorf("arguments %q, want %q", got, want)
	}
	env, _ := os.ReadFile(out + ".env")
	for _, want := range []string{"FROM_FILE=two words\n", "OVER=file\n", "KEPT=unit\n", "PATH=/usr/local/sbin:", "INVOCATION_ID="} {
		if !strings.Contains(string(env), want) {
			t.Errorf("the environment has no %q", want)
		}
	}
	if strings.Contains(string(env), "SECRET_OF_THE_USER") {
		t.Error("the user's environment reached the service")
	}
	f.stop("env")
	f.write("etc/env.service.d/20-y.conf", "[Service]\nEnvironmentFile="+f.dir+"/none\n")
	if err := f.Start(t.Context(), "env"); err == nil || !strings.Contains(err.Error(), "EnvironmentFile="+f.dir+"/none") {
		t.Errorf("start without a file that must be there: %v", err)
	}
}

func TestLimits(t *testing.T) {
	f := newFixture(t)
	f.unit("limits", "ExecStart=/bin/sleep 1000", "LimitNOFILE=2048:4096", "LimitCORE=infinity", "OOMScoreAdjust=-999", "UMask=0077")
	f.unit("plain", "ExecStart=/bin/sleep 1000")
	f.start("limits")
	f.start("plain")
	for name, want := range map[string]string{"limits": "2048", "plain": "1024"} {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", f.status(name).PID))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range strings.Split(string(data), "\n") {
			if rest, ok := strings.CutPrefix(l, "Max open files"); ok && strings.Fields(rest)[0] != want {
				t.Errorf("%s: %s, want a soft limit of %s", name, l, want)
			}
		}
	}
	st := f.status("limits")
	score, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", st.PID))
	if err != nil {
		t.Fatal(err)
	}
	noted := slices.ContainsFunc(st.Notes, func(n string) bool { return strings.HasPrefix(n, "OOMScoreAdjust=-999 is not applied: ") })
	if applied := strings.TrimSpace(string(score)) == "-999"; applied == noted {
		t.Errorf("oom_score_adj is %s, and the notes are %q", score, st.Notes)
	}
}

func TestRotation(t *testing.T) {
	f := newFixture(t, func(o *supervisor.Options) { o.LogSize = 64 << 10; o.LogKeep = 200 })
	f.unit("writer", `ExecStart=/bin/sh -c 'i=0; while [ $$i -lt 100000 ]; do i=$$((i+1)); echo "line $$i"; done; sleep 1000'`)
	f.start("writer")
	var last []string
	eventually(t, "the last line", func() bool {
		last, _ = f.Logs(t.Context(), "writer", 10)
		return len(last) == 10 && last[9] == "line 100000"
	})
	eventually(t, "a rotation", func() bool { _, err := os.Stat(f.o.Log("writer") + ".1"); return err == nil })
	info, err := os.Stat(f.o.Log("writer"))
	eventually(t, "a short log", func() bool { info, err = os.Stat(f.o.Log("writer")); return err == nil && info.Size() <= 64<<10 })
	all, err := f.Logs(t.Context(), "writer", 200_000)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 100_000 {
		t.Fatalf("%d lines in all logs together, want 100000", len(all))
	}
	for i, l := range all {
		if want := fmt.Sprintf("line %d", i+1); l != want {
			t.Fatalf("line %d is %q", i+1, l)
		}
	}
	f.killSupervisor()
	if l, err := f.Logs(t.Context(), "writer", 3); err != nil || len(l) != 3 || l[2] != "line 100000" {
		t.Errorf("logs without a supervisor: %q, %v", l, err)
	}
}
