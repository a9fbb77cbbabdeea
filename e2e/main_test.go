// Package e2e runs keelway on the machine at hand: real containerd, kubelet, etcd and pods.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"keelway.dev/keelway/internal/report"
)

// enabled asks whether this machine may be changed: these tests make and
// remove a real cluster on it.
func enabled(t *testing.T) {
	t.Helper()
	if os.Getenv("KEELWAY_E2E") == "" {
		t.Skip("KEELWAY_E2E is not set: these tests make a real cluster on this machine; `make test` sets it")
	}
	if os.Geteuid() != 0 {
		t.Skip("not root: a cluster needs root")
	}
}

// long leaves a test to `make test-long`.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("KEELWAY_LONG") == "" {
		t.Skip("it takes minutes on hosts of a lab: `make test-long` runs it")
	}
}

// program is the keelway under test.
func program(t *testing.T) string {
	t.Helper()
	p := os.Getenv("KEELWAY_BIN")
	if p == "" {
		p = "../bin/keelway"
	}
	p, err := filepath.Abs(p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p); err != nil {
		t.Fatalf("no keelway to test: %v; run `make build`, or set KEELWAY_BIN", err)
	}
	return p
}

// result is how a command ended.
type result struct {
	out, err string
	code     int
	took     time.Duration
}

// run runs keelway to its end.
func run(t *testing.T, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program(t), args...)
	cmd.Env = environment(t)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	began := time.Now()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("keelway %s: %v", strings.Join(args, " "), err)
	}
	return result{out.String(), errOut.String(), cmd.ProcessState.ExitCode(), time.Since(began)}
}

// must runs keelway and fails the test unless it ends well.
func must(t *testing.T, args ...string) result {
	t.Helper()
	r := run(t, args...)
	if r.code != 0 {
		t.Fatalf("keelway %s: exit code %d\n%s\n%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
	return r
}

// environment gives keelway a home of the test's own.
func environment(t *testing.T) []string {
	t.Helper()
	return append(os.Environ(), "HOME="+home(t))
}

func home(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(os.TempDir(), "keelway-e2e-home")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// up makes a cluster, and removes it when the test ends, however it ends.
func up(t *testing.T, args ...string) result {
	t.Helper()
	t.Cleanup(func() { remove(t) })
	return must(t, append([]string{"up"}, args...)...)
}

func remove(t *testing.T) {
	t.Helper()
	// t.Context is over when cleanups run.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program(t), "down", "--yes")
	cmd.Env = environment(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("keelway down: %v\n%s", err, out)
	}
}

// kubectl runs the cluster's own kubectl.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return must(t, append([]string{"kubectl"}, args...)...).out
}

// killed runs `keelway up --output json` and sends it sig as soon as decide
// says so of an event. It returns that event, and how the run ended: -1 by the
// signal, else its exit code.
func killed(t *testing.T, sig syscall.Signal, decide func(report.Event) bool) (at report.Event, code int) {
	t.Helper()
	cmd := exec.Command(program(t), "up", "--output", "json")
	cmd.Env = environment(t)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(pipe)
	lines.Buffer(nil, 1<<20)
	sent := false
	for lines.Scan() {
		var e report.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("not a JSON event: %q: %v", lines.Text(), err)
		}
		if !sent && decide(e) {
			sent, at = true, e
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
		}
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err != nil && !sent {
		t.Fatalf("keelway up: %v\n%s", err, errOut.String())
	}
	return at, cmd.ProcessState.ExitCode()
}
