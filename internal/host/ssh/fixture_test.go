package ssh

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"keelway.dev/keelway/internal/host/ssh/hostkey"
	"keelway.dev/keelway/internal/host/ssh/identity"
)

// sshd is a real SSH server of the test's own.
type sshd struct {
	t       *testing.T
	dir     string
	port    int
	hostKey string // its public key, as in known_hosts
	userKey string // the private key file that it lets in
	argv    []string
	cmd     *exec.Cmd
}

// needSSHD skips a test that cannot have a server.
func needSSHD(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a real SSH server that lets root in needs root")
	}
	program, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		t.Skip("no sshd on this machine: install openssh-server (make deps)")
	}
	// Where sshd locks its unprivileged part in; it is compiled in.
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Fatal(err)
	}
	return program
}

// startSSHD starts a server with further lines of configuration. wrap, if any,
// are the words in front of its command line.
func startSSHD(t *testing.T, lines string, wrap ...string) *sshd {
	t.Helper()
	program := needSSHD(t)
	s := &sshd{t: t, dir: t.TempDir(), port: freePort(t)}
	for _, d := range []string{s.dir, filepath.Dir(s.dir)} { // sshd reads the keys as their user
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.hostKey = makeKey(t, filepath.Join(s.dir, "host_key"), "")
	s.userKey = filepath.Join(s.dir, "id")
	s.letIn(makeKey(t, s.userKey, ""))
	config := fmt.Sprintf(`Port %d
ListenAddress 127.0.0.1
HostKey %s/host_key
PidFile none
AuthorizedKeysFile %s/authorized_keys
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 200
LogLevel VERBOSE
%s
`, s.port, s.dir, s.dir, lines)
	if err := os.WriteFile(filepath.Join(s.dir, "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s.argv = append(wrap, program, "-D", "-e", "-f", filepath.Join(s.dir, "config"))
	s.start()
	t.Cleanup(s.kill)
	return s
}

// letIn adds a public key to those that may log in.
func (s *sshd) letIn(public string) {
	s.t.Helper()
	f, err := os.OpenFile(filepath.Join(s.dir, "authorized_keys"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err == nil {
		_, err = fmt.Fprintln(f, public)
		f.Close()
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *sshd) start() {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.cmd = exec.Command(s.argv[0], s.argv[1:]...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", s.address())
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("sshd does not listen: %s", s.log())
		}
	}
}

// kill ends the server and what serves its connections, all at once.
func (s *sshd) kill() {
	if s.cmd == nil {
		return
	}
	all := descendants(s.t, s.cmd.Process.Pid)
	for _, pid := range all {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = s.cmd.Wait()
	s.cmd = nil
}

// descendants lists a process and those that it has started, itself first.
func descendants(t *testing.T, pid int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	children := map[int][]int{}
	for _, p := range stats {
		data, err := os.ReadFile(p)
		if err != nil {
			continue
		}
		f := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		parent, _ := strconv.Atoi(f[1])
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(p)))
		children[parent] = append(children[parent], child)
	}
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

func (s *sshd) address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

func (s *sshd) log() string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(text)
}

// config reaches the server with its key pinned.
func (s *sshd) config() Config {
	return Config{
		Name: "machine", Address: "127.0.0.1", Port: s.port,
		Keys:    identity.Source{Files: []string{s.userKey}},
		HostKey: hostkey.Policy{Pinned: s.hostKey},
	}
}

func (s *sshd) host(change ...func(*Config)) *Host {
	c := s.config()
	for _, f := range change {
		f(&c)
	}
	h := New(c)
	s.t.Cleanup(h.Close)
	return h
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// makeKey writes a private key, and returns the public one.
func makeKey(t *testing.T, file, passphrase string) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(private, "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(key)))
}

func fingerprint(t *testing.T, public string) string {
	t.Helper()
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(public))
	if err != nil {
		t.Fatal(err)
	}
	return ssh.FingerprintSHA256(key)
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}
