package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/service/logfile"
	"keelway.dev/keelway/internal/service/supervisor"
	"keelway.dev/keelway/internal/service/unit"
)

// Supervisor is the built-in supervisor of a host, reached through its socket.
// One is started there when there is something to do for it and none runs; to
// look at services none is needed.
type Supervisor struct {
	host host.Host
	o    supervisor.Options
	http *http.Client
}

var (
	_ Manager = (*Supervisor)(nil)
	_ Ender   = (*Supervisor)(nil)
)

// NewSupervisor returns the built-in supervisor on the host. Every path in the
// options is the host's own, and so is the program in o.Command.
func NewSupervisor(h host.Host, o supervisor.Options) *Supervisor {
	o = o.WithDefaults()
	return &Supervisor{host: h, o: o, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return h.Dial(ctx, "unix", o.Socket())
		},
		// A kept connection would die with the supervisor, between two calls.
		DisableKeepAlives: true,
	}}}
}

// Kind is "supervisor".
func (s *Supervisor) Kind() string { return "supervisor" }

// Status asks the supervisor, and when none runs looks for the service's
// process itself: it may have outlived its supervisor.
func (s *Supervisor) Status(ctx context.Context, name string) (Status, error) {
	if err := unit.CheckName(name); err != nil {
		return Status{}, err
	}
	var st supervisor.Status
	err := s.call(ctx, http.MethodGet, "/service/"+name, &st)
	if errors.Is(err, errDown) {
		return s.orphan(ctx, name)
	}
	if err != nil {
		return Status{}, fmt.Errorf("ask the supervisor about %s: %w", name, err)
	}
	return Status{
		Running: st.Running, State: st.State, PID: st.PID, Since: st.Since,
		Restarts: st.Restarts, Exit: st.Exit, Boot: st.Boot, Notes: st.Notes,
	}, nil
}

// Start starts the service, and before that the supervisor if need be.
func (s *Supervisor) Start(ctx context.Context, name string) error {
	return s.do(ctx, "start", name)
}

// Restart restarts the service, and starts the supervisor before if need be.
func (s *Supervisor) Restart(ctx context.Context, name string) error {
	return s.do(ctx, "restart", name)
}

// Stop ends the service. When no supervisor runs, one is started only if there
// is something left to stop.
func (s *Supervisor) Stop(ctx context.Context, name string) error {
	if err := unit.CheckName(name); err != nil {
		return err
	}
	err := s.call(ctx, http.MethodPost, "/service/"+name+"/stop", nil)
	if !errors.Is(err, errDown) {
		return err
	}
	for _, path := range []string{s.o.Record(name), s.o.Link(name)} {
		_, err := s.host.Stat(ctx, path)
		if err == nil {
			return s.do(ctx, "stop", name)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("stop %s: %w", name, err)
		}
	}
	return nil
}

// Logs asks the supervisor, or reads the log itself when none runs.
func (s *Supervisor) Logs(ctx context.Context, name string, lines int) ([]string, error) {
	if err := unit.CheckName(name); err != nil {
		return nil, err
	}
	var text []string
	err := s.call(ctx, http.MethodGet, "/service/"+name+"/logs?"+url.Values{"lines": {strconv.Itoa(lines)}}.Encode(), &text)
	if !errors.Is(err, errDown) {
		return text, err
	}
	data, err := readFile(ctx, s.host, s.o.Log(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the log of %s: %w", name, err)
	}
	return logfile.Last(data, lines), nil
}

// End ends the supervisor for good: its socket, its folders and its start at
// boot go, and the logs too when logs is set.
func (s *Supervisor) End(ctx context.Context, logs bool) error {
	path := "/end?logs=keep"
	if logs {
		path = "/end?logs=remove"
	}
	var about supervisor.About
	err := s.call(ctx, http.MethodPost, path, &about)
	if errors.Is(err, errDown) {
		if !s.left(ctx, logs) {
			return nil
		}
		// It was killed: its successor tidies up.
		if err = s.detach(ctx); err == nil {
			err = s.call(ctx, http.MethodPost, path, &about)
		}
	}
	if err != nil {
		return err
	}
	return s.gone(ctx, about.PID)
}

// left tells whether a supervisor that does not run any more has left traces.
func (s *Supervisor) left(ctx context.Context, logs bool) bool {
	paths := []string{s.o.Socket(), s.o.WantsDir, filepath.Dir(s.o.Record("x"))}
	if logs {
		paths = append(paths, s.o.Log("supervisor"))
	}
	for _, p := range paths {
		if _, err := s.host.Stat(ctx, p); err == nil {
			return true
		}
	}
	return false
}

// gone waits until the supervisor has taken its files away: the socket, the
// lock, and the folder they were in unless others use it; or until another
// supervisor answers, which somebody else has started.
func (s *Supervisor) gone(ctx context.Context, pid int) error {
	for {
		var now supervisor.About
		if err := s.call(ctx, http.MethodGet, "", &now); err == nil && now.PID != pid {
			return nil
		}
		files, err := s.host.List(ctx, s.o.RunDir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("wait for the supervisor's end: %w", err)
		}
		ours := len(files) == 0
		for _, f := range files {
			ours = ours || strings.HasPrefix(filepath.Base(f.Path), "supervisor.")
		}
		if !ours {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the supervisor's end: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// do has the supervisor do something with a service, and starts it when none
// runs, again when it ended in between.
func (s *Supervisor) do(ctx context.Context, verb, name string) error {
	if err := unit.CheckName(name); err != nil {
		return err
	}
	// One that is ending takes a moment to be gone.
	limit, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	var err error
	for {
		if err = s.call(ctx, http.MethodPost, "/service/"+name+"/"+verb, nil); !errors.Is(err, errDown) {
			return err
		}
		if err = s.detach(ctx); err != nil && !errors.Is(err, errDown) {
			return err
		}
		select {
		case <-limit.Done():
			return fmt.Errorf("%s %s: %w", verb, name, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// detach starts the supervisor on its host.
func (s *Supervisor) detach(ctx context.Context) error {
	if len(s.o.Command) == 0 {
		return fmt.Errorf("no supervisor runs on %s, and no command to start one is given", s.host.Name())
	}
	res, err := s.host.Run(ctx, host.Command{Argv: s.o.Argv("--detach")})
	if err != nil {
		return err
	}
	if res.Code != 0 {
		text := strings.TrimSpace(string(res.Stderr))
		if strings.Contains(text, supervisor.ErrEnded.Error()) {
			return errDown
		}
		return fmt.Errorf("%s: exit status %d: %s", s.o.Command[0], res.Code, text)
	}
	return nil
}
