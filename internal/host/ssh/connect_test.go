package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/ssh/hostkey"
	"keelway.dev/keelway/internal/host/ssh/identity"
	"keelway.dev/keelway/internal/host/ssh/sshtest"
)

func try(t *testing.T, h *Host) error {
	t.Helper()
	_, err := h.Stat(t.Context(), "/")
	return err
}

func TestHostKey(t *testing.T) {
	s := startSSHD(t, "")
	dir := t.TempDir()
	other := sshtest.MakeKey(t, filepath.Join(dir, "other"), "")
	files := func(name, text string) func(*Config) {
		file := filepath.Join(dir, name)
		if text != "" {
			must(t, os.WriteFile(file, []byte(text+"\n"), 0o600))
		}
		return func(c *Config) { c.HostKey = hostkey.Policy{Files: []string{file}} }
	}
	at := fmt.Sprintf("[127.0.0.1]:%d ", s.Port)

	must(t, try(t, s.host())) // pinned
	must(t, try(t, s.host(files("good", "elsewhere "+other+"\n"+at+s.HostKey))))
	must(t, try(t, s.host(func(c *Config) {
		files("alias", "machine-1 "+s.HostKey)(c)
		c.HostKey.Alias = "machine-1"
	})))

	var unknown *hostkey.UnknownError
	for _, f := range []func(*Config){files("missing", ""), files("others", "elsewhere "+other)} {
		err := try(t, s.host(f))
		if !errors.As(err, &unknown) || unknown.Fingerprint != sshtest.Fingerprint(t, s.HostKey) || unknown.Key != s.HostKey {
			t.Fatalf("unknown key: %v", err)
		}
		sshtest.WantError(t, err, "refused", sshtest.Fingerprint(t, s.HostKey))
	}
	asked := filepath.Join(dir, "folder/known_hosts")
	must(t, hostkey.Remember(asked, unknown)) // somebody said yes
	must(t, try(t, s.host(files("folder/known_hosts", ""))))

	for name, f := range map[string]func(*Config){
		"pinned":      func(c *Config) { c.HostKey.Pinned = other },
		"known_hosts": files("changed", at+other),
	} {
		err := try(t, s.host(f))
		var changed *hostkey.ChangedError
		if !errors.As(err, &changed) {
			t.Fatalf("%s: %v", name, err)
		}
		sshtest.WantError(t, err, "changed", sshtest.Fingerprint(t, s.HostKey), sshtest.Fingerprint(t, other))
	}
	sshtest.WantError(t, try(t, s.host(files("revoked", "@revoked * "+s.HostKey))), "revoked")
	sshtest.WantError(t, try(t, s.host(func(c *Config) { c.HostKey.Pinned = "ssh-ed25519 what" })), "is none")
	// Only another kind of key is known: the server must not get away with its own.
	rsa := "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC3Zr0nBRTrkg3gCRVwTkdjVWRwzDVWvMJLLXdEBVpTn5GsL4rDFkp5pLdpaNbIRyNRYoYpYn3Y0oaSOcPCxcEVf3NHEhhmdWSYRfDBqEGmfsMfUz3ATpnfFHOYhzGX9q2mN5LBHjNWzHWgvFAKLnHkT4kqVF7vLBKrdzVl3q7kYCXqkZs4lIC4S0hHrvIBFbm1qqyqxnRvFDoV/4jZU0hEXGZYmx+3nyiQ3j7w8bkmwRe2P3nm4m3GpBoG8JdvL1Y7Xn1KUjTtGHYbNnGB0sGmUfj0G2hyVLYl9sCSRHcXxf0qxnCXX8dKwBqYPAkP2e1nsPc9yIwAv7LWKqnrVqo3"
	sshtest.WantError(t, try(t, s.host(files("kind", at+rsa))), "changed")
}

func TestLogin(t *testing.T) {
	s := startSSHD(t, "")
	dir := t.TempDir()
	stranger := filepath.Join(dir, "stranger")
	sshtest.MakeKey(t, stranger, "")
	err := try(t, s.host(func(c *Config) { c.Keys.Files = []string{stranger} }))
	var login *LoginError
	if !errors.As(err, &login) {
		t.Fatalf("a key that is not let in: %v", err)
	}
	sshtest.WantError(t, err, "as root", stranger, "authorized_keys")
	sshtest.WantError(t, try(t, s.host(func(c *Config) { c.User = "no-such-user" })), "as no-such-user")
	sshtest.WantError(t, try(t, s.host(func(c *Config) { c.Keys = identity.Source{} })), "ssh-add")
	sshtest.WantError(t, try(t, s.host(func(c *Config) { c.Keys.Files = []string{filepath.Join(dir, "missing")} })), "missing")
	sshtest.WantError(t, try(t, s.host(func(c *Config) { c.Port = sshtest.FreePort(t) })), "is the machine up")

	locked := filepath.Join(dir, "locked")
	s.LetIn(sshtest.MakeKey(t, locked, "secret"))
	err = try(t, s.host(func(c *Config) { c.Keys.Files = []string{locked} }))
	var encrypted *identity.EncryptedError
	if !errors.As(err, &encrypted) || encrypted.File != locked {
		t.Errorf("an encrypted key: %v", err)
	}
	sshtest.WantError(t, err, "ssh-add "+locked)
	must(t, try(t, s.host(func(c *Config) {
		c.Keys = identity.Source{Files: []string{locked}, Passphrase: func(context.Context, string) ([]byte, error) { return []byte("secret"), nil }}
	})))
	sshtest.WantError(t, try(t, s.host(func(c *Config) {
		c.Keys = identity.Source{Files: []string{locked}, Passphrase: func(context.Context, string) ([]byte, error) { return []byte("wrong"), nil }}
	})), "cannot open")
	// A default key that is encrypted or missing is passed over.
	must(t, try(t, s.host(func(c *Config) { c.Keys.Defaults = []string{locked, filepath.Join(dir, "missing")} })))
}

func TestAgent(t *testing.T) {
	s := startSSHD(t, "")
	for _, p := range []string{"ssh-agent", "ssh-add"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("no %s on this machine: install openssh-client", p)
		}
	}
	socket := filepath.Join(t.TempDir(), "agent")
	agent := exec.Command("ssh-agent", "-D", "-a", socket)
	must(t, agent.Start())
	t.Cleanup(func() { _ = agent.Process.Kill(); _ = agent.Wait() })
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the agent did not start")
		}
	}
	with := func(files ...string) func(*Config) {
		return func(c *Config) { c.Keys = identity.Source{Agent: socket, Files: files} }
	}
	sshtest.WantError(t, try(t, s.host(with())), "no SSH key")
	add := exec.Command("ssh-add", s.UserKey)
	add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	must(t, try(t, s.host(with())))
	// The public half is enough to name a key of the agent's.
	public := s.UserKey + ".pub"
	key, err := exec.Command("ssh-keygen", "-y", "-f", s.UserKey).Output()
	must(t, err)
	must(t, os.WriteFile(public, key, 0o644))
	must(t, try(t, s.host(with(public))))
	sshtest.WantError(t, try(t, s.host(func(c *Config) { c.Keys = identity.Source{Agent: socket + "x"} })), "agent")
}

func TestJump(t *testing.T) {
	inner, outer := startSSHD(t, ""), startSSHD(t, "")
	bastion := outer.host(func(c *Config) { c.Name = "bastion" })
	behind := func(c *Config) { c.Jump = bastion }
	first, second := inner.host(behind), inner.host(behind)
	must(t, try(t, first))
	must(t, try(t, second))
	if n := strings.Count(outer.Log(), "Accepted publickey"); n != 1 {
		t.Errorf("the jump host saw %d logins, want 1 for both", n)
	}
	res, err := first.Run(t.Context(), host.Command{Argv: []string{"sh", "-c", "echo $SSH_CONNECTION"}})
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(res.Stdout)), fmt.Sprint(inner.Port)) {
		t.Errorf("%q, %v", res.Stdout, err)
	}
	// The jump host's key is checked as well, and its death is noticed.
	wrong := outer.host(func(c *Config) { c.Name, c.HostKey.Pinned = "bastion", inner.HostKey })
	sshtest.WantError(t, try(t, inner.host(func(c *Config) { c.Jump = wrong })), "through the jump host", "changed")
	outer.Kill()
	for deadline := time.Now().Add(5 * time.Second); !first.attempt.over(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the end of the jump host was not noticed")
		}
	}
	sshtest.WantError(t, try(t, first), "through the jump host", "is the machine up")
	outer.Begin()
	must(t, try(t, first))
}

func TestSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	sshtest.Need(t)
	key := filepath.Join(t.TempDir(), "id")
	sshtest.MakeKey(t, key, "")
	h := New(Config{
		Name: "machine", Address: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Timeout: 300 * time.Millisecond,
		Keys: identity.Source{Files: []string{key}},
	})
	start := time.Now()
	sshtest.WantError(t, try(t, h), "did not finish within 300ms")
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

// relay stands between a host and its server, and can cut what goes through it.
type relay struct {
	listener net.Listener
	target   string
	mu       sync.Mutex
	conns    []net.Conn
	deaf     atomic.Bool  // swallow everything, as a cut cable does
	after    atomic.Int64 // cut once so many bytes went up; 0 is never
}

func startRelay(t *testing.T, target string) *relay {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r := &relay{listener: l, target: target}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", target)
			if err != nil {
				near.Close()
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, near, far)
			r.mu.Unlock()
			go r.copy(far, near, true)
			go r.copy(near, far, false)
		}
	}()
	t.Cleanup(func() { l.Close(); r.cut() })
	return r
}

func (r *relay) copy(to, from net.Conn, up bool) {
	defer to.Close()
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if up && r.after.Load() > 0 && r.after.Add(-int64(n)) <= 0 {
			r.after.Store(0)
			r.cut()
			return
		}
		if r.deaf.Load() {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.Close()
	}
	r.conns = nil
}

func (r *relay) through(c *Config) { c.Port = r.listener.Addr().(*net.TCPAddr).Port }

func TestCutPut(t *testing.T) {
	s := startSSHD(t, "")
	r := startRelay(t, s.Address())
	h, dir := s.host(r.through), t.TempDir()
	e := host.Entry{Path: filepath.Join(dir, "file"), Mode: 0o600}
	must(t, h.Put(t.Context(), e, strings.NewReader("old and whole")))
	body := bytes.Repeat([]byte("new"), 4<<20)
	for _, after := range []int64{1, 200, 5_000, 100_000, 5 << 20, 12 << 20} {
		r.after.Store(after)
		err := h.Put(t.Context(), e, bytes.NewReader(body))
		var lost *LostError
		if !errors.As(err, &lost) && after > 5_000 { // before, it is cut while it logs in
			t.Fatalf("cut after %d bytes: %v", after, err)
		}
		sshtest.WantError(t, err, "machine", e.Path)
		if got, err := os.ReadFile(e.Path); err != nil || string(got) != "old and whole" {
			t.Fatalf("cut after %d bytes: %d bytes stand there, %v", after, len(got), err)
		}
	}
	must(t, h.Put(t.Context(), e, bytes.NewReader(body))) // a new connection
	if got, err := os.ReadFile(e.Path); err != nil || !bytes.Equal(got, body) {
		t.Errorf("%d bytes stand there, %v", len(got), err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestDeadCable is a connection that nobody ends: no packet comes any more.
func TestDeadCable(t *testing.T) {
	s := startSSHD(t, "")
	r := startRelay(t, s.Address())
	h := s.host(r.through)
	h.silence = 1500 * time.Millisecond // 15 s in earnest
	must(t, try(t, h))
	open, err := h.Open(t.Context(), "/etc/passwd")
	must(t, err)
	r.deaf.Store(true)
	start := time.Now()
	pending := map[string]func() error{
		"run":  func() error { _, err := h.Run(t.Context(), host.Command{Argv: []string{"sleep", "60"}}); return err },
		"stat": func() error { return try(t, h) },
		"put": func() error {
			return h.Put(t.Context(), host.Entry{Path: filepath.Join(t.TempDir(), "f"), Mode: 0o600}, strings.NewReader("x"))
		},
		"read": func() error { _, err := io.ReadAll(open); return err },
		"dial": func() error { _, err := h.Dial(t.Context(), "tcp", s.Address()); return err },
	}
	var wg sync.WaitGroup
	for name, f := range pending {
		wg.Go(func() {
			err := f()
			if took := time.Since(start); took > 4*time.Second {
				t.Errorf("%s took %v", name, took)
			}
			var lost *LostError
			if !errors.As(err, &lost) && name != "read" || err == nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	wg.Wait()
	r.deaf.Store(false)
	r.cut()
	must(t, try(t, h)) // connects again
}

// TestIdle is a connection that is quiet for longer than a dead one may be.
func TestIdle(t *testing.T) {
	s := startSSHD(t, "")
	h := s.host()
	h.silence = 600 * time.Millisecond
	must(t, try(t, h))
	first := h.attempt
	time.Sleep(1500 * time.Millisecond)
	must(t, try(t, h))
	res, err := h.Run(t.Context(), host.Command{Argv: []string{"sh", "-c", "sleep 1.5; echo done"}})
	if err != nil || string(res.Stdout) != "done\n" || h.attempt != first {
		t.Errorf("a quiet connection did not last: %q, %v", res.Stdout, err)
	}
}

func TestKilledServer(t *testing.T) {
	s := startSSHD(t, "")
	h := s.host()
	must(t, try(t, h))
	done := make(chan error, 1)
	go func() {
		_, err := h.Run(t.Context(), host.Command{Argv: []string{"sleep", "2"}})
		done <- err
	}()
	time.Sleep(300 * time.Millisecond)
	s.Kill()
	var lost *LostError
	if err := <-done; !errors.As(err, &lost) {
		t.Errorf("a command whose server was killed: %v", err)
	}
	sshtest.WantError(t, try(t, h), "cannot reach machine", "is the machine up")
	s.Begin()
	must(t, try(t, h))
	res, err := h.Run(t.Context(), host.Command{Argv: []string{"echo", "again"}})
	if err != nil || string(res.Stdout) != "again\n" {
		t.Errorf("%q, %v", res.Stdout, err)
	}
	h.Close()
	if err := try(t, h); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

// TestKilledFileServer is the death of the SFTP server alone.
func TestKilledFileServer(t *testing.T) {
	h := startSSHD(t, "").host()
	must(t, try(t, h))
	first := h.attempt
	_, err := h.Run(t.Context(), host.Command{Argv: []string{"sh", "-c", "kill $(cat /proc/[0-9]*/stat | awk -v s=$(ps -o ppid= -p $$ | tr -d ' ') '$2==\"(sftp-server)\" && $4==s {print $1}')"}})
	must(t, err)
	for deadline := time.Now().Add(5 * time.Second); try(t, h) != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(try(t, h))
		}
	}
	if h.attempt != first {
		t.Error("it took a new connection")
	}
}
