package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/host/ssh/sshtest"
)

func TestConform(t *testing.T) {
	h := startSSHD(t, "").host()
	hosttest.Conform(t, func(t *testing.T) (host.Host, string, int, int) {
		return h, t.TempDir(), 1000, 1001
	})
}

// TestConformUmask is the same behind a umask that hides everything, and one
// that hides nothing.
func TestConformUmask(t *testing.T) {
	if _, err := os.Stat("/dev/shm"); err == nil {
		t.Setenv("TMPDIR", "/dev/shm") // no disk to wait for; TestConform has one
	}
	for _, mask := range []string{"0000", "0077"} {
		t.Run(mask, func(t *testing.T) {
			h := startSSHD(t, "", "/bin/sh", "-c", "umask "+mask+`; exec "$@"`, "sh").host()
			hosttest.Conform(t, func(t *testing.T) (host.Host, string, int, int) { return h, t.TempDir(), 0, 0 })
		})
	}
}

func TestArguments(t *testing.T) {
	h := startSSHD(t, "").host()
	words := []string{
		"", " ", "it's", `"double"`, "a\nb", "\n", "$HOME", "`id`", "$(id)", `back\slash`, `\`, "ünïcödé ✓ 世界", "tab\there",
		"*", "~", "-n", "--", "a;b", "a&b", "|", ">x", "!", "#", "'", "''", "'\\''", "\x01\x7f\xff", strings.Repeat("x'", 4000),
	}
	res, err := h.Run(t.Context(), host.Command{Argv: append([]string{"printf", `%s\0`}, words...)})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Split(strings.TrimSuffix(string(res.Stdout), "\x00"), "\x00"); strings.Join(got, "\x00") != strings.Join(words, "\x00") {
		t.Errorf("arguments arrived as %q", got)
	}
	res, err = h.Run(t.Context(), host.Command{Argv: []string{"sh", "-c", `printf %s "$A|$B"`}, Env: []string{"A=it's $HOME\n", "B=ü"}})
	if err != nil || string(res.Stdout) != "it's $HOME\n|ü" {
		t.Errorf("environment arrived as %q, %v", res.Stdout, err)
	}
	for _, c := range []host.Command{
		{Argv: []string{"true", "a\x00b"}},
		{Argv: []string{"true", strings.Repeat("x", 200<<10)}},
		{Argv: []string{"true"}, Env: []string{"no-equals"}},
	} {
		if _, err := h.Run(t.Context(), c); err == nil {
			t.Errorf("%.40q %q was not refused", c.Argv, c.Env)
		}
	}
}

func TestRun(t *testing.T) {
	h := startSSHD(t, "").host()
	res, err := h.Run(t.Context(), host.Command{
		Argv:  []string{"sh", "-c", `cat; echo "$WORD"; echo bad >&2; pwd; exit 7`},
		Env:   []string{"WORD=word"},
		Stdin: strings.NewReader("in "),
	})
	if err != nil || string(res.Stdout) != "in word\n/\n" || string(res.Stderr) != "bad\n" || res.Code != 7 {
		t.Errorf("%q %q %d, %v", res.Stdout, res.Stderr, res.Code, err)
	}
	for name, number := range map[string]int{"KILL": 137, "TERM": 143, "SEGV": 139} {
		if res, err = h.Run(t.Context(), host.Command{Argv: []string{"sh", "-c", "kill -" + name + " $$"}}); err != nil || res.Code != number {
			t.Errorf("ended by %s: %+v, %v", name, res, err)
		}
	}
	if _, err = h.Run(t.Context(), host.Command{Argv: []string{"head", "-c", "70000000", "/dev/zero"}}); err == nil {
		t.Error("70 MB of output were no error")
	}
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	if res, err = h.Run(t.Context(), host.Command{Argv: []string{"cat"}, Stdin: bytes.NewReader(body)}); err != nil || !bytes.Equal(res.Stdout, body) {
		t.Errorf("16 MB through cat: %d bytes, %v", len(res.Stdout), err)
	}
	// A program that reads nothing ends without waiting for who feeds it.
	if res, err = h.Run(t.Context(), host.Command{Argv: []string{"false"}, Stdin: bytes.NewReader(body)}); err != nil || res.Code != 1 {
		t.Errorf("input that nobody reads: %+v, %v", res.Code, err)
	}
	broken := errors.New("the source broke")
	if _, err = h.Run(t.Context(), host.Command{Argv: []string{"cat"}, Stdin: failing{broken}}); !errors.Is(err, broken) {
		t.Errorf("input that fails: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestRunCancelled(t *testing.T) {
	s := startSSHD(t, "")
	rows := []struct {
		name, script string
		least, most  time.Duration
	}{
		{"ends on SIGTERM", `echo up; sleep 60 & wait`, 0, time.Second},
		{"ignores SIGTERM", `trap '' TERM; echo up; sleep 60; sleep 60`, 500 * time.Millisecond, 4 * time.Second},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			h := s.host()
			h.grace = 500 * time.Millisecond
			if took := cancelled(t, h, r.script); took < r.least || took > r.most {
				t.Errorf("took %v, want %v to %v", took, r.least, r.most)
			}
		})
	}
}

// cancelled ends a command by its context, and sees that nothing of it lives on.
func cancelled(t *testing.T, h *Host, script string) time.Duration {
	t.Helper()
	marker := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := h.Run(ctx, host.Command{Argv: []string{"sh", "-c", "cut -d' ' -f5 /proc/$$/stat > " + marker + ";" + script}})
		done <- err
	}()
	group := waitNumber(t, marker)
	time.Sleep(50 * time.Millisecond) // for the trap to be set
	start := time.Now()
	cancel()
	err := <-done
	took := time.Since(start)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	for deadline := time.Now().Add(time.Second); sshtest.GroupLives(t, group); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process group %d lives on", group)
		}
	}
	return took
}

func waitNumber(t *testing.T, file string) int {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		data, _ := os.ReadFile(file)
		if n, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil {
			return n
		}
		if time.Now().After(deadline) {
			t.Fatal("the command did not start")
		}
	}
}

func TestManyCommands(t *testing.T) {
	for _, allowed := range []int{10, 4} {
		t.Run(fmt.Sprintf("MaxSessions %d", allowed), func(t *testing.T) {
			h := startSSHD(t, fmt.Sprintf("MaxSessions %d", allowed)).host()
			if _, err := h.Stat(t.Context(), "/"); err != nil { // an SFTP server takes one
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					res, err := h.Run(t.Context(), host.Command{Argv: []string{"sh", "-c", fmt.Sprintf("sleep 0.2; echo %d", i)}})
					if err != nil || string(res.Stdout) != fmt.Sprintln(i) {
						t.Errorf("command %d: %q, %v", i, res.Stdout, err)
					}
				})
			}
			wg.Wait()
			if h.attempt.over() {
				t.Error("the connection did not last")
			}
		})
	}
}

func TestUpload(t *testing.T) {
	s := startSSHD(t, "")
	h, dir := s.host(), t.TempDir()
	body := make([]byte, 64<<20)
	for i := range body {
		body[i] = byte(i * 7 >> 3)
	}
	e := host.Entry{Path: filepath.Join(dir, "big"), Mode: 0o755}
	start := time.Now()
	// No length is known of the source, as of a bundle that is unpacked.
	if err := h.Put(t.Context(), e, struct{ *bytes.Buffer }{bytes.NewBuffer(bytes.Clone(body))}); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	t.Logf("64 MiB up in %v: %.0f MB/s", took, 67.1/took.Seconds())
	if took > 20*time.Second {
		t.Errorf("64 MiB took %v", took)
	}
	if got, err := os.ReadFile(e.Path); err != nil || !bytes.Equal(got, body) {
		t.Errorf("%d bytes arrived, or others than sent: %v", len(got), err)
	}
	r, err := h.Open(t.Context(), e.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var back bytes.Buffer
	start = time.Now()
	if _, err := back.ReadFrom(r); err != nil || !bytes.Equal(back.Bytes(), body) {
		t.Errorf("%d bytes came back, or others: %v", back.Len(), err)
	}
	t.Logf("and down in %v", time.Since(start))
}

func TestLeftovers(t *testing.T) {
	h, dir := startSSHD(t, "").host(), t.TempDir()
	p := filepath.Join(dir, "file")
	temp, victim := host.TempPath(p), filepath.Join(dir, "victim")
	rows := map[string]func() error{
		"a killed writer's half":  func() error { return os.WriteFile(temp, bytes.Repeat([]byte("x"), 1<<20), 0o600) },
		"with the owner set":      func() error { return errors.Join(os.WriteFile(temp, []byte("x"), 0o600), os.Lchown(temp, 1000, 1000)) },
		"a link":                  func() error { return os.Symlink(victim, temp) },
		"a second name of a file": func() error { return os.Link(victim, temp) },
		"an empty directory":      func() error { return os.Mkdir(temp, 0o700) },
		"a named pipe":            func() error { return syscall.Mkfifo(temp, 0o600) },
	}
	for name, leave := range rows {
		for _, mode := range []fs.FileMode{0o600, fs.ModeSymlink | 0o777, fs.ModeDir | 0o700} {
			t.Run(name+" before a "+host.TypeName(mode), func(t *testing.T) {
				must(t, os.WriteFile(victim, []byte("victim"), 0o600))
				must(t, leave())
				e := host.Entry{Path: p, Mode: mode}
				if mode.Type() == fs.ModeSymlink {
					e.Link = "nowhere"
				}
				must(t, h.Put(t.Context(), e, strings.NewReader("new")))
				if got, _ := os.ReadFile(victim); string(got) != "victim" {
					t.Errorf("another file was changed to %q", got)
				}
				if _, err := os.Lstat(temp); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s stays: %v", temp, err)
				}
				must(t, leave())
				must(t, h.Remove(t.Context(), p))
				if _, err := os.Lstat(temp); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s stays after remove: %v", temp, err)
				}
			})
		}
	}
}

func TestRemoveKeepsMounts(t *testing.T) {
	h, dir := startSSHD(t, "").host(), t.TempDir()
	src, dst := filepath.Join(dir, "src"), filepath.Join(dir, "tree/deep/with space")
	must(t, os.MkdirAll(src, 0o755))
	must(t, os.MkdirAll(dst, 0o755))
	precious := filepath.Join(src, "precious")
	must(t, os.WriteFile(precious, nil, 0o600))
	if err := unix.Mount(src, dst, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	defer func() { _ = unix.Unmount(dst, unix.MNT_DETACH) }()
	link := filepath.Join(dir, "alias")
	must(t, os.Symlink(filepath.Join(dir, "tree"), link))
	for _, p := range []string{filepath.Join(dir, "tree"), dst, filepath.Join(link, "deep")} {
		sshtest.WantError(t, h.Remove(t.Context(), p), dst)
	}
	if _, err := os.Stat(precious); err != nil {
		t.Fatal(err)
	}
	must(t, h.Remove(t.Context(), link)) // the link itself crosses nothing
	must(t, unix.Unmount(dst, 0))
	must(t, h.Remove(t.Context(), filepath.Join(dir, "tree")))
}

func TestFullDisk(t *testing.T) {
	h, dir := startSSHD(t, "").host(), t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	defer func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) }()
	e := host.Entry{Path: filepath.Join(dir, "file"), Mode: 0o600}
	must(t, h.Put(t.Context(), e, strings.NewReader("old")))
	if err := h.Put(t.Context(), e, bytes.NewReader(make([]byte, 2<<20))); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("put on a full disk: %v", err)
	}
	if got, _ := os.ReadFile(e.Path); string(got) != "old" {
		t.Errorf("%d bytes stand there, want the old ones", len(got))
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
	must(t, h.Put(t.Context(), host.Entry{Path: filepath.Join(filepath.Dir(dir), "other"), Mode: 0o600}, strings.NewReader("x")))
	err := h.HardLink(t.Context(), filepath.Join(filepath.Dir(dir), "other"), filepath.Join(dir, "linked"))
	if !errors.Is(err, host.ErrOtherFileSystem) {
		t.Errorf("link across file systems: %v", err)
	}
}

func TestHardLink(t *testing.T) {
	h, dir := startSSHD(t, "").host(), t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "sub/to")
	must(t, h.Put(t.Context(), host.Entry{Path: from, Mode: 0o600}, strings.NewReader("x")))
	must(t, h.Put(t.Context(), host.Entry{Path: to, Mode: 0o600}, strings.NewReader("old")))
	for range 2 {
		must(t, h.HardLink(t.Context(), from, to))
		a, _ := os.Stat(from)
		b, err := os.Stat(to)
		if err != nil || !os.SameFile(a, b) {
			t.Errorf("not one file: %v", err)
		}
		if left, err := os.ReadDir(filepath.Dir(to)); err != nil || len(left) != 1 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
	must(t, os.WriteFile(host.TempPath(to), []byte("left"), 0o600))
	must(t, h.HardLink(t.Context(), from, to))
	if err := h.HardLink(t.Context(), filepath.Join(dir, "missing"), to); err == nil {
		t.Error("a missing file was linked")
	}
}

func TestCopy(t *testing.T) {
	h, dir := startSSHD(t, "").host(), t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "sub/to")
	must(t, h.Put(t.Context(), host.Entry{Path: from, Mode: 0o600}, strings.NewReader("x")))
	for _, mode := range []fs.FileMode{0o755, 0o640} {
		must(t, h.Copy(t.Context(), from, host.Entry{Path: to, Mode: mode, UID: 1000, GID: 1000}))
		e, err := h.Stat(t.Context(), to)
		must(t, err)
		if e.Mode != mode || e.UID != 1000 || e.GID != 1000 || content(t, h, to) != "x" {
			t.Errorf("the copy is %+v with %q", e, content(t, h, to))
		}
		if left, err := os.ReadDir(filepath.Dir(to)); err != nil || len(left) != 1 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
	must(t, os.Link(from, host.TempPath(to))) // of a killed run
	must(t, h.Copy(t.Context(), from, host.Entry{Path: to, Mode: 0o755}))
	if e, err := h.Stat(t.Context(), from); err != nil || e.Mode != 0o600 || content(t, h, from) != "x" {
		t.Errorf("the file that was copied is %+v, %v", e, err)
	}
	if err := h.Copy(t.Context(), filepath.Join(dir, "missing"), host.Entry{Path: to, Mode: 0o755}); err == nil {
		t.Error("a missing file was copied")
	}
	if got := content(t, h, to); got != "x" {
		t.Errorf("after a copy that failed there is %q", got)
	}
}

// TestAsLocal reads things of this machine both ways.
func TestAsLocal(t *testing.T) {
	h := startSSHD(t, "").host()
	here, err := local.New("machine")
	must(t, err)
	for _, p := range []string{"/proc/mounts", "/proc/sys/kernel/hostname", "/etc/passwd", "/proc/cmdline", "/sys/kernel/mm/transparent_hugepage/enabled"} {
		if got, want := content(t, h, p), content(t, here, p); got != want {
			t.Errorf("%s reads as %q, want %q", p, got, want)
		}
	}
	for _, dir := range []string{"/etc", "/dev", "/proc/sys/net", "/sys/class/net", "/usr/lib"} {
		got, err := h.List(t.Context(), dir)
		must(t, err)
		want, err := here.List(t.Context(), dir)
		must(t, err)
		if len(got) != len(want) {
			t.Fatalf("%s holds %d, want %d", dir, len(got), len(want))
		}
		for i := range got {
			w := want[i]
			w.Inode, w.ModTime = 0, got[i].ModTime
			if got[i] != w || !got[i].ModTime.Equal(want[i].ModTime.Truncate(time.Second)) {
				t.Errorf("listed %+v, want %+v", got[i], want[i])
			}
		}
	}
	for _, p := range []string{"/etc/passwd", "/usr/bin/env"} {
		entry, err := here.Stat(t.Context(), p)
		must(t, err)
		if at, err := h.Modified(t.Context(), []string{"/no/such", p}); err != nil || len(at) != 1 || !at[p].Equal(entry.ModTime) {
			t.Errorf("%s was changed at %v (%v), want %v", p, at, err, entry.ModTime)
		}
	}
	if sums, err := h.SHA256s(t.Context(), []string{"/no/such"}); err != nil || len(sums) != 0 {
		t.Errorf("checksum of a missing file: %v, %v", sums, err)
	}
	fifo := filepath.Join(t.TempDir(), "fifo")
	must(t, syscall.Mkfifo(fifo, 0o600))
	_, err = h.Open(t.Context(), fifo)
	sshtest.WantError(t, err, "named pipe")
}

func content(t *testing.T, h host.Host, path string) string {
	t.Helper()
	r, err := h.Open(t.Context(), path)
	must(t, err)
	defer r.Close()
	data, err := io.ReadAll(r)
	must(t, err)
	return string(data)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
