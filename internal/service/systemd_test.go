package service

import (
	"context"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/service/supervisor"
)

func TestDetect(t *testing.T) {
	rows := []struct {
		name, comm, want string
		folder           bool
	}{
		{"systemd", "systemd\n", "systemd", true},
		{"its folder left in an image", "process_api\n", "supervisor", true},
		{"its programs only", "init\n", "supervisor", false},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			h := hosttest.New("memory")
			h.WriteFile(t, "/proc/1/comm", 0o444, r.comm)
			h.WriteFile(t, "/usr/bin/systemctl", 0o755, "")
			if r.folder {
				if err := h.Put(t.Context(), host.Entry{Path: "/run/systemd/system", Mode: fs.ModeDir | 0o755}, nil); err != nil {
					t.Fatal(err)
				}
			}
			m, err := Detect(t.Context(), h, supervisor.Options{})
			if err != nil || m.Kind() != r.want {
				t.Errorf("%v, %v, want %s", m, err, r.want)
			}
		})
	}
}

// running is what systemd 252 answers about a running service.
const running = `Result=success
NRestarts=2
ExecMainStartTimestamp=Sun 2026-11-22 05:10:11.250125 UTC
ExecMainCode=0
ExecMainStatus=0
MainPID=4242
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
`

func TestSystemdStatus(t *testing.T) {
	edit := func(pairs ...string) string {
		s := running
		for i := 0; i < len(pairs); i += 2 {
			s = strings.Replace(s, pairs[i], pairs[i+1], 1)
		}
		return s
	}
	dead := []string{"MainPID=4242", "MainPID=0", "ExecMainStartTimestamp=Sun 2026-11-22 05:10:11.250125 UTC", "ExecMainStartTimestamp="}
	since := time.Date(2026, 11, 22, 5, 10, 11, 250125000, time.UTC)
	boot := "after a reboot, through systemd (enabled)"
	rows := []struct {
		name, answer string
		want         Status
	}{
		{"running", running, Status{Running: true, State: "active", PID: 4242, Since: since, Restarts: 2, Boot: boot}},
		{"failed", edit(append(dead, "ActiveState=active", "ActiveState=failed", "ExecMainCode=0", "ExecMainCode=1", "ExecMainStatus=0", "ExecMainStatus=3", "Result=success", "Result=exit-code")...),
			Status{State: "failed", Restarts: 2, Exit: "exit status 3", Boot: boot}},
		{"killed", edit(append(dead, "ActiveState=active", "ActiveState=activating", "ExecMainCode=0", "ExecMainCode=2", "ExecMainStatus=0", "ExecMainStatus=9", "Result=success", "Result=signal")...),
			Status{State: "activating", Restarts: 2, Exit: "signal: killed", Boot: boot}},
		{"too often", edit(append(dead, "ActiveState=active", "ActiveState=failed", "ExecMainCode=0", "ExecMainCode=1", "ExecMainStatus=0", "ExecMainStatus=1", "Result=success", "Result=start-limit-hit")...),
			Status{State: "failed", Restarts: 2, Exit: "exit status 1 (start-limit-hit)", Boot: boot}},
		{"disabled", edit("UnitFileState=enabled", "UnitFileState=disabled"), Status{Running: true, State: "active", PID: 4242, Since: since, Restarts: 2, Boot: "not after a reboot: it is disabled"}},
		{"static", edit("UnitFileState=enabled", "UnitFileState=static"), Status{Running: true, State: "active", PID: 4242, Since: since, Restarts: 2, Boot: "not after a reboot: its unit has no [Install] section"}},
		{"unknown", "LoadState=not-found\nActiveState=inactive\nMainPID=0\nNRestarts=0\nExecMainCode=0\nExecMainStatus=0\nExecMainStartTimestamp=\nUnitFileState=\nResult=success\n", Status{}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			h := hosttest.New("memory")
			h.Answer(r.answer, 0, "systemctl", "show")
			got, err := NewSystemd(h).Status(t.Context(), "kubelet")
			if err != nil || got.State != r.want.State || got.Running != r.want.Running || got.PID != r.want.PID ||
				!got.Since.Equal(r.want.Since) || got.Restarts != r.want.Restarts || got.Exit != r.want.Exit || got.Boot != r.want.Boot {
				t.Errorf("%+v, %v\nwant %+v", got, err, r.want)
			}
		})
	}
	h := hosttest.New("memory")
	h.Answer(strings.Replace(running, ".250125", "", 1), 0, "systemctl", "show")
	h.Handle(func(context.Context, *hosttest.Host, host.Command, []byte) (host.Result, error) {
		return host.Result{Stderr: []byte("systemctl: unrecognized option '--timestamp=us'\n"), Code: 1}, nil
	}, "systemctl", "show", "--no-pager", "--timestamp=us")
	if got, err := NewSystemd(h).Status(t.Context(), "kubelet"); err != nil || !got.Since.Equal(since.Truncate(time.Second).Add(time.Second-time.Nanosecond)) {
		t.Errorf("systemd that knows seconds only: since %v, %v", got.Since, err)
	}
	h = hosttest.New("memory")
	h.Answer(running+"\n"+rows[1].answer, 0, "systemctl", "show")
	if got, err := NewSystemd(h).Statuses(t.Context(), []string{"containerd", "kubelet"}); err != nil || got["containerd"].State != "active" || got["kubelet"].State != "failed" {
		t.Errorf("two services: %+v, %v", got, err)
	}
	if _, err := NewSystemd(h).Status(t.Context(), "kubelet"); err == nil {
		t.Error("two answers to one question were taken")
	}
	h = hosttest.New("memory")
	h.Answer("MainPID=many\n", 0, "systemctl", "show")
	if _, err := NewSystemd(h).Status(t.Context(), "kubelet"); err == nil {
		t.Error("an answer that is none was taken")
	}
}

func TestSystemdCommands(t *testing.T) {
	const ctl = "systemctl --no-ask-password --quiet "
	rows := []struct {
		name string
		do   func(context.Context, *Systemd) error
		want []string
	}{
		{"start", func(ctx context.Context, s *Systemd) error { return s.Start(ctx, "kubelet") },
			[]string{ctl + "daemon-reload", ctl + "enable kubelet.service", ctl + "start kubelet.service"}},
		{"restart", func(ctx context.Context, s *Systemd) error { return s.Restart(ctx, "kubelet") },
			[]string{ctl + "daemon-reload", ctl + "enable kubelet.service", ctl + "restart kubelet.service"}},
		{"stop", func(ctx context.Context, s *Systemd) error { return s.Stop(ctx, "kubelet") },
			[]string{ctl + "stop kubelet.service", ctl + "disable kubelet.service"}},
		{"logs", func(ctx context.Context, s *Systemd) error { _, err := s.Logs(ctx, "kubelet", 7); return err },
			[]string{"journalctl --no-pager --quiet -o cat -n 7 _SYSTEMD_UNIT=kubelet.service"}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			h := hosttest.New("memory")
			h.Answer("", 0, "systemctl")
			h.Answer("one\ntwo\n", 0, "journalctl")
			h.Answer(running, 0, "systemctl", "show")
			if err := r.do(t.Context(), NewSystemd(h)); err != nil {
				t.Fatal(err)
			}
			ran := slices.DeleteFunc(h.Ran(), func(s string) bool { return strings.HasPrefix(s, "systemctl show") })
			if !slices.Equal(ran, r.want) {
				t.Errorf("ran %q, want %q", ran, r.want)
			}
		})
	}
	h := hosttest.New("memory")
	h.Handle(func(context.Context, *hosttest.Host, host.Command, []byte) (host.Result, error) {
		return host.Result{Code: 1, Stderr: []byte("Job for kubelet.service failed.\n")}, nil
	}, "systemctl", "--no-ask-password", "--quiet", "start")
	h.Answer("", 0, "systemctl", "--no-ask-password", "--quiet", "daemon-reload")
	h.Answer("", 0, "systemctl", "--no-ask-password", "--quiet", "enable")
	if err := NewSystemd(h).Start(t.Context(), "kubelet"); err == nil || !strings.Contains(err.Error(), "Job for kubelet.service failed.") {
		t.Errorf("a start that fails: %v", err)
	}
}
