package service

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"keelway.dev/keelway/internal/host"
)

// Systemd is the manager of a host on which systemd runs.
type Systemd struct {
	host host.Host
}

var (
	_ Manager = (*Systemd)(nil)
	_ Lister  = (*Systemd)(nil)
)

// NewSystemd returns systemd on the host.
func NewSystemd(h host.Host) *Systemd { return &Systemd{host: h} }

// Kind is "systemd".
func (s *Systemd) Kind() string { return "systemd" }

// properties are what Status needs, in one call.
const properties = "LoadState,ActiveState,SubState,MainPID,NRestarts,ExecMainCode,ExecMainStatus,ExecMainStartTimestamp,UnitFileState,Result"

// Status asks `systemctl show`.
func (s *Systemd) Status(ctx context.Context, name string) (Status, error) {
	all, err := s.Statuses(ctx, []string{name})
	return all[name], err
}

// Statuses asks about several in one command.
func (s *Systemd) Statuses(ctx context.Context, names []string) (map[string]Status, error) {
	// Microseconds: in whole seconds, a file that was written just before the
	// service's start would seem to be newer than it.
	out, err := s.show(ctx, names, "--timestamp=us")
	if err != nil && strings.Contains(err.Error(), "--timestamp") {
		out, err = s.show(ctx, names) // systemd before 248
	}
	about := strings.Join(names, ", ")
	if err != nil {
		return nil, fmt.Errorf("ask systemd about %s: %w", about, err)
	}
	// A block of lines for each, in the order of the names.
	blocks := strings.Split(strings.TrimSpace(out), "\n\n")
	if len(blocks) != len(names) {
		return nil, fmt.Errorf("ask systemd about %s: it answers about %d services", about, len(blocks))
	}
	all := map[string]Status{}
	for i, block := range blocks {
		p := map[string]string{}
		for _, line := range strings.Split(block, "\n") {
			if k, v, ok := strings.Cut(line, "="); ok {
				p[k] = v
			}
		}
		if all[names[i]], err = parseShow(p); err != nil { //nolint:gosec // there are as many blocks as names, see above
			return nil, err
		}
	}
	return all, nil
}

func (s *Systemd) show(ctx context.Context, names []string, options ...string) (string, error) {
	argv := append([]string{"systemctl", "show", "--no-pager"}, options...)
	argv = append(argv, "-p", properties)
	for _, name := range names {
		argv = append(argv, unitName(name))
	}
	return s.run(ctx, host.Command{
		Argv: argv,
		// A time stamp's short zone name cannot be read back.
		Env: []string{"TZ=UTC", "LC_ALL=C"},
	})
}

func parseShow(p map[string]string) (Status, error) {
	if p["LoadState"] == "not-found" && p["ActiveState"] == "inactive" {
		return Status{}, nil
	}
	st := Status{State: p["ActiveState"]}
	var err error
	number := func(key string) int {
		if p[key] == "" || err != nil {
			return 0 // systemd before 235 counts no restarts
		}
		var n int
		if n, err = strconv.Atoi(p[key]); err != nil {
			err = fmt.Errorf("read systemd's answer: %s=%q is no number", key, p[key])
		}
		return n
	}
	st.PID, st.Restarts = number("MainPID"), number("NRestarts")
	code, status := number("ExecMainCode"), number("ExecMainStatus")
	if err != nil {
		return Status{}, err
	}
	st.Running = st.PID != 0
	if st.Running {
		const layout = "Mon 2006-01-02 15:04:05 MST"
		if st.Since, err = time.Parse(layout, p["ExecMainStartTimestamp"]); err != nil {
			return Status{}, fmt.Errorf("read systemd's answer: %w", err)
		}
		if !strings.Contains(p["ExecMainStartTimestamp"], ".") {
			// What is older than the end of that second counts as older.
			st.Since = st.Since.Add(time.Second - time.Nanosecond)
		}
	} else {
		st.Exit = exitWords(code, status, p["Result"])
	}
	st.Boot = "not after a reboot: it is " + p["UnitFileState"]
	switch p["UnitFileState"] {
	case "enabled", "alias", "generated":
		st.Boot = "after a reboot, through systemd (" + p["UnitFileState"] + ")"
	case "static":
		st.Boot = "not after a reboot: its unit has no [Install] section"
	case "":
		st.Boot = "not after a reboot: it has " + noUnitFile
	}
	if p["LoadState"] != "loaded" && p["LoadState"] != "not-found" {
		st.Notes = append(st.Notes, "systemd could not load the unit: "+p["LoadState"])
	}
	return st, nil
}

// exitWords puts waitid's code (1 exited, 2 killed, 3 dumped core) in words.
func exitWords(code, status int, result string) string {
	var words string
	switch code {
	case 1:
		words = fmt.Sprintf("exit status %d", status)
	case 2:
		words = "signal: " + syscall.Signal(status).String()
	case 3:
		words = "signal: " + syscall.Signal(status).String() + " (core dumped)"
	}
	// "exit-code", "signal" and "core-dump" say no more than that.
	switch result {
	case "", "success", "exit-code", "signal", "core-dump":
		return words
	}
	if words == "" {
		return result
	}
	return words + " (" + result + ")"
}

// Start reloads the units, enables and starts the service.
func (s *Systemd) Start(ctx context.Context, name string) error {
	return s.all(ctx, "start", name, []string{"daemon-reload"}, []string{"enable", unitName(name)}, []string{"start", unitName(name)})
}

// Restart reloads the units and restarts the service.
func (s *Systemd) Restart(ctx context.Context, name string) error {
	return s.all(ctx, "restart", name, []string{"daemon-reload"}, []string{"enable", unitName(name)}, []string{"restart", unitName(name)})
}

// Stop stops and disables the service and forgets its failure. One that systemd does not know is no error.
func (s *Systemd) Stop(ctx context.Context, name string) error {
	st, err := s.Status(ctx, name)
	if err != nil {
		return err
	}
	if st.State == "" {
		return nil
	}
	verbs := [][]string{{"stop", unitName(name)}}
	if !strings.HasSuffix(st.Boot, noUnitFile) { // deleted while it ran: nothing to disable
		verbs = append(verbs, []string{"disable", unitName(name)})
	}
	if err := s.all(ctx, "stop", name, verbs...); err != nil {
		return err
	}
	// systemd keeps a failed unit in mind for ever, even without its file.
	if st, err = s.Status(ctx, name); err == nil && st.State == "failed" {
		err = s.all(ctx, "stop", name, []string{"reset-failed", unitName(name)})
	}
	return err
}

const noUnitFile = "no unit file"

func (s *Systemd) all(ctx context.Context, what, name string, verbs ...[]string) error {
	for _, v := range verbs {
		argv := append([]string{"systemctl", "--no-ask-password", "--quiet"}, v...)
		if _, err := s.run(ctx, host.Command{Argv: argv, Env: []string{"LC_ALL=C"}}); err != nil {
			return fmt.Errorf("%s %s by systemd: %w", what, name, err)
		}
	}
	return nil
}

// Logs asks the journal for what the service's own processes wrote; what
// systemd says about them is in Status.
func (s *Systemd) Logs(ctx context.Context, name string, lines int) ([]string, error) {
	out, err := s.run(ctx, host.Command{
		Argv: []string{"journalctl", "--no-pager", "--quiet", "-o", "cat", "-n", strconv.Itoa(lines), "_SYSTEMD_UNIT=" + unitName(name)},
		Env:  []string{"LC_ALL=C"},
	})
	if err != nil {
		return nil, fmt.Errorf("read the journal of %s: %w", name, err)
	}
	out = strings.TrimSuffix(out, "\n")
	if out == "" {
		return nil, nil
	}
	return strings.Split(out, "\n"), nil
}

func (s *Systemd) run(ctx context.Context, c host.Command) (string, error) {
	res, err := s.host.Run(ctx, c)
	if err != nil {
		return "", err
	}
	if res.Code != 0 {
		return "", fmt.Errorf("%s: exit status %d: %s", strings.Join(c.Argv, " "), res.Code, strings.TrimSpace(string(res.Stderr)))
	}
	return string(res.Stdout), nil
}

func unitName(name string) string { return name + ".service" }
