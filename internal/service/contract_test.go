package service

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/service/supervisor"
)

// TestContract runs what Manager promises against the built-in supervisor, and
// against systemd where this machine (or the container that the test binary is
// copied into) runs it.
func TestContract(t *testing.T) {
	t.Run("supervisor", func(t *testing.T) {
		f := newFixture(t)
		contract(t, f, f.dir+"/usr", "")
	})
	t.Run("systemd", func(t *testing.T) {
		h, err := local.New("here")
		if err != nil {
			t.Fatal(err)
		}
		m, err := Detect(t.Context(), h, supervisor.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if m.Kind() != "systemd" {
			t.Skip("systemd does not run here")
		}
		contract(t, m, "/etc/systemd/system", "keelway-test-")
	})
}

func contract(t *testing.T, m Manager, dir, prefix string) {
	write := func(name string, lines ...string) string {
		t.Helper()
		name = prefix + name
		path := filepath.Join(dir, name+".service")
		text := "[Unit]\nDescription=test\n[Service]\n" + strings.Join(lines, "\n") + "\n[Install]\nWantedBy=multi-user.target\n"
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := m.Stop(context.Background(), name); err != nil {
				t.Error(err)
			}
			os.Remove(path)
		})
		return name
	}
	status := func(name string) Status {
		t.Helper()
		st, err := m.Status(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	do := func(what string, f func() error) {
		t.Helper()
		if err := f(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	ctx := t.Context()

	if st := status(prefix + "unknown"); st.State != "" || st.Running {
		t.Errorf("a service that is not known: %+v", st)
	}
	do("stop an unknown service", func() error { return m.Stop(ctx, prefix+"unknown") })
	if err := m.Start(ctx, prefix+"unknown"); err == nil {
		t.Error("start of an unknown service was no error")
	}

	main := write("main", `ExecStart=/bin/sh -c 'echo one; echo two >&2; echo three; exec sleep 1000'`, "Restart=always", "RestartSec=100ms")
	begin := time.Now().Add(-2 * time.Second) // systemd's stamps are whole seconds
	do("start", func() error { return m.Start(ctx, main) })
	st := status(main)
	if !st.Running || st.State != "active" || !lives(st.PID) || st.Since.Before(begin) || st.Since.After(time.Now().Add(time.Second)) || st.Restarts != 0 {
		t.Errorf("running: %+v", st)
	}
	if m.Kind() == "systemd" && !strings.HasPrefix(st.Boot, "after a reboot, through systemd") {
		t.Errorf("boot: %q", st.Boot)
	}
	do("start again", func() error { return m.Start(ctx, main) })
	if again := status(main); again.PID != st.PID {
		t.Errorf("a second start made process %d of %d", again.PID, st.PID)
	}
	var logs []string
	eventually(t, "the logs", func() bool {
		var err error
		logs, err = m.Logs(ctx, main, 2)
		return err == nil && len(logs) == 2 && logs[1] == "three"
	})
	if logs[0] != "two" {
		t.Errorf("logs %q", logs)
	}
	if err := kill(st.PID, 9); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the restart", func() bool { now := status(main); return now.Running && now.PID != st.PID && now.Restarts == 1 })
	before := status(main).PID
	do("restart", func() error { return m.Restart(ctx, main) })
	if now := status(main); !now.Running || now.PID == before || lives(before) {
		t.Errorf("restarted: %+v", now)
	}
	before = status(main).PID
	do("stop", func() error { return m.Stop(ctx, main) })
	do("stop again", func() error { return m.Stop(ctx, main) })
	st = status(main)
	if st.Running || st.PID != 0 || !st.Since.IsZero() || st.State != "inactive" || lives(before) || !strings.HasPrefix(st.Boot, "not after a reboot") {
		t.Errorf("stopped: %+v", st)
	}
	do("restart a stopped service", func() error { return m.Restart(ctx, main) })
	if st := status(main); !st.Running {
		t.Errorf("restarted after a stop: %+v", st)
	}

	fails := write("fails", "ExecStart=/bin/sh -c 'sleep 0.1; exit 7'")
	do("start one that fails soon", func() error { return m.Start(ctx, fails) })
	eventually(t, "its failure", func() bool { return status(fails).State == "failed" })
	if st := status(fails); st.Exit != "exit status 7" || st.Running {
		t.Errorf("failed: %+v", st)
	}
	do("stop one that failed", func() error { return m.Stop(ctx, fails) })
	if st := status(fails); st.State != "inactive" {
		t.Errorf("failed and stopped: %+v", st)
	}
	killed := write("killed", "ExecStart=/bin/sh -c 'sleep 0.1; kill -KILL $$$$'")
	do("start one that is killed", func() error { return m.Start(ctx, killed) })
	eventually(t, "its end", func() bool { return status(killed).State == "failed" })
	if st := status(killed); st.Exit != "signal: killed" {
		t.Errorf("killed: %+v", st)
	}
	missing := write("missing", "Type=exec", "ExecStart=/no/such/program")
	if err := m.Start(ctx, missing); err == nil {
		t.Error("start of a missing program was no error")
	}
	unready := write("unready", "Type=notify", "ExecStart=/bin/sh -c 'exit 3'")
	if err := m.Start(ctx, unready); err == nil {
		t.Error("start of one that ends before it is ready was no error")
	}

	env := write("env", `Environment="A=b c" D=e`, `ExecStart=/bin/echo ${A} $A x${D}y $NONE $$D "q $$ 'r'" %n`)
	do("start with an environment", func() error { return m.Start(ctx, env) })
	eventually(t, "its output", func() bool { l, err := m.Logs(ctx, env, 1); return err == nil && len(l) == 1 })
	want := "b c b c xey $D q $ 'r' " + env + ".service"
	if l, err := m.Logs(ctx, env, 1); err != nil || l[0] != want {
		t.Errorf("it was given %q, want %q, %v", l, want, err)
	}
	// Start reads changed units.
	eventually(t, "its end", func() bool { return status(env).State == "inactive" })
	write("env", "ExecStart=/bin/echo changed")
	do("start a changed unit", func() error { return m.Start(ctx, env) })
	eventually(t, "the changed output", func() bool { l, err := m.Logs(ctx, env, 1); return err == nil && len(l) == 1 && l[0] == "changed" })

	// Not here: a comment that ends in a backslash, which systemd continues up
	// to 253 and not since 254.
	files := []struct{ text, want string }{
		{"A=1\nB=2\n", "A=1|B=2"},
		{" # comment\n; too\nA=1\n", "A=1"},
		{"A = x  \n", "A=x"},
		{"A=two words \n", "A=two words"},
		{`A='$x "y" \z'`, `A=$x "y" \z`},
		{`A="\$x \"y\" \z"`, `A=$x "y" \z`},
		{`A="a"'b'c`, "A=abc"},
		{`A="a" "b"`, "A=ab"},
		{`A=it's --a='b c'`, "A=it's --a='b c'"},
		{"A=one\\\ntwo\nB=3", "A=onetwo|B=3"},
		{"A=\"line\nlater\"\n", "A=line|later"},
		{`A=a\ b\c`, "A=a bc"},
		{"A=\nB=1", "A=|B=1"},
		{"no assignment\nexport A=1\n9=2\nB=1", "B=1"},
		{"A=1\r\nB=2\r\n", "A=1|B=2"},
		{"A=\"open\nb", "A=open|b"},
		{"A=x # no comment", "A=x # no comment"},
	}
	file := filepath.Join(t.TempDir(), "env")
	dump := write("dump", "EnvironmentFile="+file, "ExecStart=/bin/sh -c 'env | sort | grep -vE \"^(PATH|PWD|LANG|_|OLDPWD|SHLVL|INVOCATION_ID|JOURNAL_STREAM|SYSTEMD_EXEC_PID|FIXTURE)=\"; echo end'")
	for _, r := range files {
		if err := os.WriteFile(file, []byte(r.text), 0o644); err != nil {
			t.Fatal(err)
		}
		do("start with an environment file", func() error { return m.Start(ctx, dump) })
		eventually(t, "its end", func() bool { return status(dump).State == "inactive" })
		want := r.want + "|end"
		lines := strings.Count(want, "|") + 1
		var got string
		for range 20 {
			l, err := m.Logs(ctx, dump, lines)
			if err != nil {
				t.Fatal(err)
			}
			if got = strings.Join(l, "|"); got == want {
				break
			}
			time.Sleep(50 * time.Millisecond) // the journal takes its time
		}
		if got != want {
			t.Errorf("file %q gave %q, want %q", r.text, got, want)
		}
	}

	shell := write("kubelet-like", "ExecStart=/bin/sh -c 'sleep 1000 & exec sleep 1000'", "KillMode=process")
	do("start with KillMode=process", func() error { return m.Start(ctx, shell) })
	pid := status(shell).PID
	var child int
	eventually(t, "the child", func() bool { child = childOf(pid); return child != 0 })
	do("stop with KillMode=process", func() error { return m.Stop(ctx, shell) })
	if lives(pid) || !lives(child) {
		t.Errorf("KillMode=process: main lives %v, child lives %v", lives(pid), lives(child))
	}
	_ = kill(child, 9)
}

// childOf returns a child of the process, 0 when it has none.
func childOf(pid int) int {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if child, err := strconv.Atoi(e.Name()); err == nil && parent(child) == pid {
			return child
		}
	}
	return 0
}
