package process

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"
)

func TestIdentity(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	cmd.Env = []string{InvocationVariable + "=abc"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	id, err := Identify(cmd.Process.Pid)
	if err != nil || !id.Same() || id.Invocation != "abc" || id.Exe == "" {
		t.Fatalf("%+v, %v", id, err)
	}
	started, err := id.Started()
	if age := time.Since(started); err != nil || age < -time.Second || age > 10*time.Second {
		t.Errorf("started %v ago, %v", age, err)
	}
	rows := map[string]func(*Identity){
		"another start":   func(i *Identity) { i.Ticks++ },
		"another boot":    func(i *Identity) { i.Boot = "x" },
		"another program": func(i *Identity) { i.Exe, i.Invocation = "/bin/x", "" },
		"nothing":         func(i *Identity) { i.PID = 0 },
	}
	for name, change := range rows {
		other := id
		change(&other)
		if other.Same() {
			t.Errorf("%s counts as the same", name)
		}
		if _, err := Adopt(other); !errors.Is(err, ErrGone) {
			t.Errorf("adopt %s: %v", name, err)
		}
	}
	execed := id
	execed.Exe = "/bin/sh"
	if !execed.Same() {
		t.Error("a program that replaced itself does not count as the same")
	}
	p, err := Adopt(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	select {
	case <-p.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the end of an adopted process was not seen")
	}
	if !p.Exit().Unknown || p.Exit().OK() {
		t.Errorf("%+v", p.Exit())
	}
	if id.Same() { // it is a zombie now
		t.Error("a zombie counts as the same")
	}
	if err := p.Signal(syscall.SIGKILL); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("a signal to an ended process: %v", err)
	}
	_ = cmd.Wait()
	if _, err := Identify(id.PID); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("identify nobody: %v", err)
	}
}

func TestMembers(t *testing.T) {
	procs := []stat{
		{pid: 1, ppid: 0, pgrp: 1, session: 1},
		{pid: 10, ppid: 5, pgrp: 10, session: 10, ticks: 7}, // the main process
		{pid: 11, ppid: 10, pgrp: 10, session: 10},
		{pid: 12, ppid: 1, pgrp: 12, session: 10},  // orphan in the session
		{pid: 13, ppid: 11, pgrp: 13, session: 13}, // descendant in its own
		{pid: 14, ppid: 1, pgrp: 14, session: 14},  // orphan with the invocation
		{pid: 15, ppid: 14, pgrp: 14, session: 14},
		{pid: 20, ppid: 1, pgrp: 20, session: 20}, // a stranger
	}
	invocation := func(s stat) string { return map[int]string{14: "abc", 20: "xyz"}[s.pid] }
	rows := []struct {
		name string
		main Identity
		want []int
	}{
		{"alive", Identity{PID: 10, Ticks: 7, Invocation: "abc"}, []int{10, 11, 12, 13, 14, 15}},
		{"its number now another's", Identity{PID: 10, Ticks: 6, Invocation: "abc"}, []int{14, 15}},
		{"never noted", Identity{Invocation: "abc"}, []int{14, 15}},
		{"nothing known", Identity{}, nil},
	}
	for _, r := range rows {
		if got := members(procs, r.main, invocation); !slices.Equal(got, r.want) {
			t.Errorf("%s: %v, want %v", r.name, got, r.want)
		}
	}
}

func TestExit(t *testing.T) {
	rows := []struct {
		exit Exit
		ok   bool
		text string
	}{
		{Exit{}, true, "exit status 0"},
		{Exit{Code: 3}, false, "exit status 3"},
		{Exit{Signal: syscall.SIGTERM}, true, "signal: terminated"},
		{Exit{Signal: syscall.SIGKILL}, false, "signal: killed"},
		{Exit{Signal: syscall.SIGSEGV, Core: true}, false, "signal: segmentation fault (core dumped)"},
		{Exit{Unknown: true}, false, "exit status unknown, an earlier supervisor was its parent"},
	}
	for _, r := range rows {
		if r.exit.OK() != r.ok || r.exit.String() != r.text {
			t.Errorf("%+v: %v %q", r.exit, r.exit.OK(), r.exit)
		}
	}
}

func TestParseStat(t *testing.T) {
	s, err := parseStat(7, []byte("7 (a) b (c)) S 1 2 3 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 1 2 3"))
	if err != nil || s != (stat{pid: 7, ppid: 1, pgrp: 2, session: 3, ticks: 12345}) {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []string{"", "7 (x", "7 (x) S 1", "7 (x) Z 1 2 3 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 1 2 3"} {
		if s, err := parseStat(7, []byte(bad)); err == nil {
			t.Errorf("%q gave %+v", bad, s)
		}
	}
}
