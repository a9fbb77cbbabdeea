package keep

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"keelway.dev/keelway/internal/service/process"
	"keelway.dev/keelway/internal/service/unit"
)

// A restart after a back-off that is under way when somebody starts the
// service fails by what was so before; the start is a try of its own.
func TestStartDuringARestart(t *testing.T) {
	dir := t.TempDir()
	table, err := process.NewTable()
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	tries := make(chan chan error)
	s := New(&Ground{
		Record:   func(string) string { return filepath.Join(dir, "record") },
		Log:      func(string) string { return filepath.Join(dir, "log") },
		MaxDelay: time.Second,
		Spawn: func(spec process.Spec) (*process.Process, []string, error) {
			answer := make(chan error)
			tries <- answer
			if err := <-answer; err != nil {
				return nil, nil, err
			}
			return table.Start(spec)
		},
		Logf: t.Logf,
	}, "sleeper")
	u := unit.Unit{
		Type: "simple", Start: []unit.Exec{{Path: "/bin/sleep", Argv: []string{"sleep", "1000"}}},
		Restart: unit.RestartAlways, StopTimeout: time.Second, KillSignal: int(syscall.SIGTERM), SendKill: true,
	}
	nothing := func() error { return nil }
	start := func() <-chan error {
		done := make(chan error, 1)
		go func() { done <- s.Start(t.Context(), u, nothing) }()
		return done
	}
	missing := errors.New("no such file")

	first := start()
	(<-tries) <- missing
	if err = <-first; !errors.Is(err, missing) {
		t.Fatalf("the first start: %v", err)
	}
	restart := <-tries // its back-off is over
	second := start()
	time.Sleep(50 * time.Millisecond) // for the start to join the restart
	restart <- missing
	(<-tries) <- nil
	if err = <-second; err != nil {
		t.Errorf("the start during a restart that failed: %v", err)
	}
	if st := s.Status(); !st.Running {
		t.Errorf("after it: %+v", st)
	}
	if err = s.Stop(t.Context(), nothing); err != nil {
		t.Error(err)
	}
}
