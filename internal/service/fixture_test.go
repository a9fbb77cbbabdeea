package service

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/service/supervisor"
)

// TestMain makes the test binary the program that a supervisor is started from.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "supervise" {
		if err := supervisor.Command(context.Background(), os.Args[:2], os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// Under the race detector every process would linger for a second at its end.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	os.Exit(m.Run())
}

// fixture is a supervisor in a folder of its own, with real processes.
type fixture struct {
	*Supervisor
	t   *testing.T
	dir string
}

// newFixture gives a supervisor that is not started yet. At the test's end it
// ends the services, the supervisor, and whatever else names the folder.
func newFixture(t *testing.T, change ...func(*supervisor.Options)) *fixture {
	t.Helper()
	// Short, for a socket's path holds 107 bytes.
	dir, err := os.MkdirTemp("", "kw")
	if err != nil {
		t.Fatal(err)
	}
	h, err := local.New("here")
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := supervisor.Options{
		Command:  []string{exe, "supervise"},
		UnitDirs: []string{dir + "/etc", dir + "/usr"},
		WantsDir: dir + "/etc/keelway.target.wants",
		RunDir:   dir + "/run",
		LogDir:   dir + "/log",
		Root:     dir + "/root",
	}
	for _, c := range change {
		c(&o)
	}
	f := &fixture{t: t, dir: dir, Supervisor: NewSupervisor(h, o)}
	f.write("root/proc/1/comm", "testinit\n")
	t.Cleanup(f.tidy)
	return f
}

func (f *fixture) tidy() {
	log, _ := os.ReadFile(f.o.Log("supervisor"))
	if text := string(log); strings.Contains(text, "DATA RACE") || strings.Contains(text, "panic:") || strings.Contains(text, "goroutine ") {
		f.t.Error("the supervisor broke")
	}
	if f.t.Failed() {
		f.t.Logf("supervisor.log:\n%s", log)
	}
	// The supervisor first, then what it would restart.
	if about, ok := f.about(); ok {
		_ = kill(about.PID, syscall.SIGKILL)
	}
	for _, pid := range f.processes() {
		_ = kill(pid, syscall.SIGKILL)
	}
	os.RemoveAll(f.dir)
}

// processes lists those whose environment or command line names the folder.
func (f *fixture) processes() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		f.t.Fatal(err)
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		line, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		env, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if strings.Contains(string(line), f.dir+"/") || strings.Contains(string(env), "FIXTURE="+f.dir) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// marked lists the services' processes that are no supervisor and no zombie.
func (f *fixture) marked() []int {
	var pids []int
	for _, pid := range f.processes() {
		env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if strings.Contains(string(env), "FIXTURE="+f.dir) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (f *fixture) write(path, content string) string {
	f.t.Helper()
	p := filepath.Join(f.dir, path)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o755); err != nil {
		f.t.Fatal(err)
	}
	return p
}

// unit writes a unit file with the lines in [Service].
func (f *fixture) unit(name string, lines ...string) {
	f.t.Helper()
	f.write("usr/"+name+".service", "[Unit]\nDescription=test\n[Service]\nEnvironment=FIXTURE="+f.dir+"\n"+strings.Join(lines, "\n")+"\n")
}

func (f *fixture) about() (supervisor.About, bool) {
	var a supervisor.About
	return a, f.call(context.Background(), "GET", "", &a) == nil
}

func (f *fixture) start(name string) {
	f.t.Helper()
	if err := f.Start(f.t.Context(), name); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) stop(name string) {
	f.t.Helper()
	if err := f.Stop(f.t.Context(), name); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) status(name string) Status {
	f.t.Helper()
	st, err := f.Status(f.t.Context(), name)
	if err != nil {
		f.t.Fatal(err)
	}
	return st
}

// killSupervisor kills it the hard way and returns its number.
func (f *fixture) killSupervisor() int {
	f.t.Helper()
	a, ok := f.about()
	if !ok {
		f.t.Fatal("no supervisor to kill")
	}
	if err := kill(a.PID, syscall.SIGKILL); err != nil {
		f.t.Fatal(err)
	}
	eventually(f.t, "the supervisor's end", func() bool { return !lives(a.PID) })
	return a.PID
}

// lives tells whether a process is there and no zombie.
func lives(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	rest := string(data[strings.LastIndexByte(string(data), ')')+1:])
	return !strings.HasPrefix(strings.TrimSpace(rest), "Z")
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func readInt(path string) int {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return n
}

// kill signals one process; 0 and below would be whole groups.
func kill(pid int, s syscall.Signal) error {
	if pid <= 1 {
		return fmt.Errorf("refused to signal process %d", pid)
	}
	return syscall.Kill(pid, s)
}
