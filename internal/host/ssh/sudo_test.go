package ssh

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/host/ssh/sshtest"
)

// startAsUser starts a server on which there is a user "operator", in a mount
// namespace of its own with its own files of users and of sudo: nothing of this
// machine's is changed.
func startAsUser(t *testing.T, sudoers string) *sshd {
	t.Helper()
	sshtest.Need(t)
	for _, p := range []string{"sudo", "unshare"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("no %s on this machine (make deps)", p)
		}
	}
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	files := map[string]string{
		"/etc/passwd":  "operator:x:4711:4711::/:/bin/sh\n",
		"/etc/shadow":  "operator:*:19000:0:99999:7:::\n",
		"/etc/sudoers": sudoers,
	}
	script := ""
	for path, more := range files {
		text, err := os.ReadFile(path)
		must(t, err)
		if path == "/etc/sudoers" {
			text = []byte("root ALL=(ALL) ALL\n")
		}
		mode := fs.FileMode(0o644)
		if path != "/etc/passwd" {
			mode = 0o440
		}
		copied := filepath.Join(dir, filepath.Base(path))
		must(t, os.WriteFile(copied, append(text, more...), mode))
		script += fmt.Sprintf("mount --bind %s %s || exit 1; ", copied, path)
	}
	if out, err := exec.Command("unshare", "--mount", "sh", "-c", script+"sudo -n true").CombinedOutput(); err != nil {
		t.Skipf("cannot stage a machine with another user: %v: %s", err, out)
	}
	return startSSHD(t, "", "unshare", "--mount", "sh", "-c", script+`exec "$@"`, "sh")
}

func asOperator(c *Config) { c.User = "operator" }

func TestSudo(t *testing.T) {
	s := startAsUser(t, "operator ALL=(ALL) NOPASSWD: ALL\n")
	h := s.host(asOperator)
	h.grace = 500 * time.Millisecond
	res, err := h.Run(t.Context(), host.Command{Argv: []string{"sh", "-c", `id -u; echo "$WORD"; cat`}, Env: []string{"WORD=it's"}, Stdin: strings.NewReader("in")})
	if err != nil || string(res.Stdout) != "0\nit's\nin" {
		t.Fatalf("%q %q, %v", res.Stdout, res.Stderr, err)
	}
	t.Setenv("TMPDIR", "/dev/shm")
	hosttest.Conform(t, func(t *testing.T) (host.Host, string, int, int) { return h, t.TempDir(), 1000, 1001 })

	secret := filepath.Join(t.TempDir(), "secret")
	must(t, h.Put(t.Context(), host.Entry{Path: secret, Mode: 0o600}, strings.NewReader("x")))
	info, err := os.Stat(secret)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	release, _, err := h.Lock(t.Context(), filepath.Join(t.TempDir(), "lock"))
	must(t, err)
	release()
	_, err = h.Dial(t.Context(), "unix", secret)
	sshtest.WantError(t, err, "as operator, without sudo")
	cancelled(t, h, "trap '' TERM; echo up; sleep 60; sleep 60")
}

func TestNoSudo(t *testing.T) {
	s := startAsUser(t, "operator ALL=(ALL) ALL\n")
	h := s.host(asOperator)
	_, runErr := h.Run(t.Context(), host.Command{Argv: []string{"true"}})
	_, _, lockErr := h.Lock(t.Context(), "/run/keelway-ssh-test.lock")
	for what, err := range map[string]error{"run": runErr, "stat": try(t, h), "lock": lockErr} {
		var sudo *SudoError
		if !errors.As(err, &sudo) {
			t.Errorf("%s: %v", what, err)
			continue
		}
		sshtest.WantError(t, err, "operator cannot become root on machine", "NOPASSWD", "connect as root")
	}
}

// TestNoFileServer is a machine without an sftp-server.
func TestNoFileServer(t *testing.T) {
	sshtest.Need(t)
	if _, err := exec.LookPath("unshare"); err != nil {
		t.Skip("no unshare on this machine")
	}
	empty := t.TempDir()
	script := ""
	for _, dir := range []string{"/usr/lib/openssh", "/usr/libexec/openssh", "/usr/lib/ssh"} {
		if _, err := os.Stat(dir); err == nil {
			script += fmt.Sprintf("mount --bind %s %s || exit 1; ", empty, dir)
		}
	}
	h := startSSHD(t, "", "unshare", "--mount", "sh", "-c", script+`exec "$@"`, "sh").host()
	err := try(t, h)
	var none *NoServerError
	if !errors.As(err, &none) {
		t.Fatal(err)
	}
	sshtest.WantError(t, err, "machine", "openssh-sftp-server")
	if _, err := h.Run(t.Context(), host.Command{Argv: []string{"true"}}); err != nil {
		t.Error(err) // commands work
	}
}
