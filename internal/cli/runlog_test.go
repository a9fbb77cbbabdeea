package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/report"
)

func TestRunLog(t *testing.T) {
	state := t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	var shown bytes.Buffer
	l := newRunLog("apply", report.NewPlain(&shown, report.Options{}))
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	emit := func(kind report.Kind, host, step, detail string) {
		at = at.Add(time.Second)
		l.Emit(report.Event{Time: at, Kind: kind, Host: host, Phase: "etcd", Step: step, What: "do it", Detail: detail})
	}
	emit(report.Start, "", "", "")
	l.begin("prod")
	emit(report.Step, "cp1", "etcd/member", "")
	for range 3 {
		emit(report.Wait, "cp1", "etcd/member", "not yet")
	}
	emit(report.Done, "cp1", "etcd/member", "")
	emit(report.Step, "w1", "kubelet/start", "")
	emit(report.Failed, "w1", "kubelet/start", "refused:\ntoken: hunter2\nuser abcdef.0123456789abcdef")
	var told bytes.Buffer
	l.tell(&told, "text")
	dirs, err := filepath.Glob(filepath.Join(state, "keelway", "runs", "prod", "*-apply"))
	if err != nil || len(dirs) != 1 || !strings.Contains(told.String(), dirs[0]) {
		t.Fatalf("folders %q, %v, told %q", dirs, err, told.String())
	}
	texts := map[string]string{}
	for _, name := range []string{"events.jsonl", "cp1.log", "w1.log"} {
		path := filepath.Join(dirs[0], name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		if texts[name] = string(text); strings.Contains(texts[name], "hunter2") || strings.Contains(texts[name], "0123456789abcdef") {
			t.Errorf("%s holds a secret:\n%s", name, text)
		}
	}
	var kinds []string
	for line := range strings.Lines(texts["events.jsonl"]) {
		var e report.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, string(e.Kind))
	}
	if got := strings.Join(kinds, " "); got != "start step wait done step failed" {
		t.Errorf("events: %s", got)
	}
	if one := texts["cp1.log"]; !strings.Contains(one, "do it") || strings.Contains(one, "refused") {
		t.Errorf("cp1.log:\n%s", one)
	}
	if one := texts["w1.log"]; !strings.Contains(one, "refused") {
		t.Errorf("w1.log:\n%s", one)
	}
	if !strings.Contains(shown.String(), "refused") {
		t.Errorf("not passed on:\n%s", shown.String())
	}
}

// TestRunLogsAreFew: a run that did nothing leaves no folder, and old ones go.
func TestRunLogsAreFew(t *testing.T) {
	state := t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	quiet := newRunLog("apply", silent{})
	quiet.begin("prod")
	quiet.Emit(report.Event{Kind: report.Done, What: "nothing to do"})
	var told bytes.Buffer
	if quiet.tell(&told, "text"); told.Len() > 0 {
		t.Errorf("told %q", told.String())
	}
	runs := filepath.Join(state, "keelway", "runs", "prod")
	for range keptLogs + 3 {
		l := newRunLog("apply", silent{})
		l.begin("prod")
		l.Emit(report.Event{Kind: report.Step, Host: "cp1", Step: "a/b"})
		if l.end() == "" {
			t.Fatal("a run that did something left no log")
		}
		time.Sleep(2 * time.Millisecond) // their names tell milliseconds
	}
	all, err := os.ReadDir(runs)
	if err != nil || len(all) != keptLogs {
		t.Errorf("%d folders, %v, want %d", len(all), err, keptLogs)
	}
	// A run whose log cannot be kept goes on, and says so.
	t.Setenv("XDG_STATE_HOME", filepath.Join(runs, all[0].Name(), "events.jsonl"))
	var shown bytes.Buffer
	l := newRunLog("apply", report.NewPlain(&shown, report.Options{}))
	l.begin("prod")
	l.Emit(report.Event{Kind: report.Step, Step: "a/b"})
	if dir := l.end(); dir != "" || !strings.Contains(shown.String(), "no log of this run is kept") {
		t.Errorf("folder %q, shown:\n%s", dir, shown.String())
	}
}
