package local

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
)

func newHost(t *testing.T) *Host {
	t.Helper()
	h, err := New("")
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestConform(t *testing.T) {
	old := syscall.Umask(0o077) // modes must not depend on it
	defer syscall.Umask(old)
	hosttest.Conform(t, func(t *testing.T) (host.Host, string, int, int) {
		uid, gid := 1000, 1001
		if os.Geteuid() != 0 {
			uid, gid = os.Geteuid(), os.Getegid()
		}
		return newHost(t), t.TempDir(), uid, gid
	})
}

func TestLeftovers(t *testing.T) {
	h, dir := newHost(t), t.TempDir()
	p := filepath.Join(dir, "file")
	temp := host.TempPath(p)
	victim := filepath.Join(dir, "victim")
	rows := map[string]func() error{
		"a killed writer's half":  func() error { return os.WriteFile(temp, bytes.Repeat([]byte("x"), 1<<20), 0o600) },
		"with the owner set":      func() error { return errors.Join(os.WriteFile(temp, []byte("x"), 0o600), os.Lchown(temp, 1000, 1000)) },
		"a link":                  func() error { return os.Symlink(victim, temp) },
		"a second name of a file": func() error { return os.Link(victim, temp) },
		"an empty directory":      func() error { return os.Mkdir(temp, 0o700) },
		"a named pipe":            func() error { return syscall.Mkfifo(temp, 0o600) },
	}
	for name, leave := range rows {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(victim, []byte("victim"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := leave(); err != nil {
				if os.Geteuid() != 0 {
					t.Skip(err)
				}
				t.Fatal(err)
			}
			if err := h.Put(t.Context(), host.Entry{Path: p, Mode: 0o600, UID: os.Geteuid(), GID: os.Getegid()}, strings.NewReader("new")); err != nil {
				t.Fatal(err)
			}
			if got, _ := os.ReadFile(p); string(got) != "new" {
				t.Errorf("content %q", got)
			}
			if got, _ := os.ReadFile(victim); string(got) != "victim" {
				t.Errorf("another file was changed to %q", got)
			}
			if _, err := os.Lstat(temp); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s stays: %v", temp, err)
			}
			if err := leave(); err != nil {
				t.Fatal(err)
			}
			if err := h.Remove(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Lstat(temp); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s stays after remove: %v", temp, err)
			}
		})
	}
}

func TestRemoveKeepsMounts(t *testing.T) {
	h, dir := newHost(t), t.TempDir()
	src, dst := filepath.Join(dir, "src"), filepath.Join(dir, "tree/deep/with space")
	for _, d := range []string{src, dst} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	precious := filepath.Join(src, "precious")
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// A bind mount of the same device: no device number gives it away.
	if err := unix.Mount(src, dst, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	mounted := true
	defer func() {
		if mounted {
			_ = unix.Unmount(dst, unix.MNT_DETACH)
		}
	}()
	link := filepath.Join(dir, "alias")
	if err := os.Symlink(filepath.Join(dir, "tree"), link); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{filepath.Join(dir, "tree"), dst, filepath.Join(link, "deep")} {
		err := h.Remove(t.Context(), p)
		if err == nil || !strings.Contains(err.Error(), dst) {
			t.Errorf("remove %s: %v, want a refusal that names %s", p, err, dst)
		}
	}
	if _, err := os.Stat(precious); err != nil {
		t.Fatal(err)
	}
	if err := h.Remove(t.Context(), link); err != nil { // the link itself crosses nothing
		t.Error(err)
	}
	if err := unix.Unmount(dst, 0); err != nil {
		t.Fatal(err)
	}
	mounted = false
	if err := h.Remove(t.Context(), filepath.Join(dir, "tree")); err != nil {
		t.Error(err)
	}
}

func TestFullDisk(t *testing.T) {
	h, dir := newHost(t), t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	defer func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	e := host.Entry{Path: filepath.Join(dir, "file"), Mode: 0o600, UID: os.Geteuid(), GID: os.Getegid()}
	if err := h.Put(t.Context(), e, strings.NewReader("old")); err != nil {
		t.Fatal(err)
	}
	if err := h.Put(t.Context(), e, bytes.NewReader(make([]byte, 2<<20))); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("put on a full disk: %v", err)
	}
	if got, _ := os.ReadFile(e.Path); string(got) != "old" {
		t.Errorf("%d bytes stand there, want the old ones", len(got))
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestRun(t *testing.T) {
	h := newHost(t)
	res, err := h.Run(t.Context(), host.Command{
		Argv:  []string{"sh", "-c", `cat; echo "$WORD"; echo bad >&2; exit 7`},
		Env:   []string{"WORD=word"},
		Stdin: strings.NewReader("in "),
	})
	if err != nil || string(res.Stdout) != "in word\n" || string(res.Stderr) != "bad\n" || res.Code != 7 {
		t.Errorf("%+v, %v", res, err)
	}
	if res, err = h.Run(t.Context(), host.Command{Argv: []string{"sh", "-c", "kill -9 $$"}}); err != nil || res.Code != 137 {
		t.Errorf("killed: %+v, %v", res, err)
	}
	if _, err = h.Run(t.Context(), host.Command{Argv: []string{"head", "-c", "70000000", "/dev/zero"}}); err == nil {
		t.Error("70 MB of output were no error")
	}
}

func TestRunCancelled(t *testing.T) {
	rows := []struct {
		name, script string
		least, most  time.Duration
	}{
		{"ends on SIGTERM", `echo up; sleep 60 & wait`, 0, 400 * time.Millisecond},
		{"ignores SIGTERM", `trap '' TERM; echo up; sleep 60; sleep 60`, 500 * time.Millisecond, 3 * time.Second},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			h := newHost(t)
			h.grace = 500 * time.Millisecond
			marker := filepath.Join(t.TempDir(), "pid")
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				_, err := h.Run(ctx, host.Command{Argv: []string{"sh", "-c", "echo $$ > " + marker + ";" + r.script}})
				done <- err
			}()
			var pid int
			for deadline := time.Now().Add(5 * time.Second); pid == 0; time.Sleep(5 * time.Millisecond) {
				data, _ := os.ReadFile(marker)
				if len(data) > 0 {
					for _, c := range strings.TrimSpace(string(data)) {
						pid = pid*10 + int(c-'0')
					}
				}
				if time.Now().After(deadline) {
					t.Fatal("the command did not start")
				}
			}
			time.Sleep(50 * time.Millisecond) // for the trap to be set
			start := time.Now()
			cancel()
			err := <-done
			took := time.Since(start)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			if took < r.least || took > r.most {
				t.Errorf("took %v, want %v to %v", took, r.least, r.most)
			}
			for deadline := time.Now().Add(time.Second); groupLives(t, pid); time.Sleep(5 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("process group %d lives on", pid)
				}
			}
		})
	}
}

func TestBigPut(t *testing.T) {
	h, dir := newHost(t), t.TempDir()
	src := filepath.Join(dir, "src")
	want := bytes.Repeat([]byte("0123456789abcdef"), 40<<20/16)
	if err := os.WriteFile(src, want, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := h.Open(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dst := filepath.Join(dir, "dst")
	if err := h.Put(t.Context(), host.Entry{Path: dst, Mode: 0o755, UID: os.Geteuid(), GID: os.Getegid()}, f); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(dst); !bytes.Equal(got, want) {
		t.Errorf("%d bytes arrived, or others than sent", len(got))
	}
}

// groupLives looks for members of a process group that are no zombies: an
// orphan's zombie stays as long as process 1 likes.
func groupLives(t *testing.T, pgid int) bool {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range stats {
		data, err := os.ReadFile(p)
		if err != nil {
			continue
		}
		f := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		if f[2] == strconv.Itoa(pgid) && f[0] != "Z" {
			return true
		}
	}
	return false
}
