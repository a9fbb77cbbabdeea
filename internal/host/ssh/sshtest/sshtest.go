// Package sshtest starts real SSH servers for tests, each with its own keys, port and configuration.
package sshtest

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
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// Server is an sshd on 127.0.0.1 that lets one key in. The machine's own SSH
// server, if there is one, is not touched.
type Server struct {
	Dir     string
	Port    int
	HostKey string // its public key, "ssh-ed25519 AAAA..."
	UserKey string // the file of the private key that it lets in

	t    *testing.T
	argv []string
	cmd  *exec.Cmd
}

// Need skips a test that cannot have a server, and returns the path of sshd.
func Need(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a real SSH server that lets root in needs root")
	}
	program, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		t.Skip("no sshd on this machine: install openssh-server (make deps)")
	}
	// Where sshd locks its unprivileged part in; it is compiled in.
	must(t, os.MkdirAll("/run/sshd", 0o755))
	return program
}

// Start starts a server with further lines of configuration, and ends it with
// the test. wrap, if any, are the words in front of its command line.
func Start(t *testing.T, lines string, wrap ...string) *Server {
	t.Helper()
	program := Need(t)
	s := &Server{t: t, Dir: t.TempDir(), Port: FreePort(t)}
	for _, d := range []string{s.Dir, filepath.Dir(s.Dir)} { // sshd reads the keys as their user
		must(t, os.Chmod(d, 0o755))
	}
	s.HostKey = MakeKey(t, filepath.Join(s.Dir, "host_key"), "")
	s.UserKey = filepath.Join(s.Dir, "id")
	s.LetIn(MakeKey(t, s.UserKey, ""))
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
`, s.Port, s.Dir, s.Dir, lines)
	must(t, os.WriteFile(filepath.Join(s.Dir, "config"), []byte(config), 0o600))
	s.argv = append(append([]string(nil), wrap...), program, "-D", "-e", "-f", filepath.Join(s.Dir, "config"))
	s.Begin()
	t.Cleanup(s.Kill)
	return s
}

// LetIn adds a public key to those that may log in.
func (s *Server) LetIn(public string) {
	s.t.Helper()
	f, err := os.OpenFile(filepath.Join(s.Dir, "authorized_keys"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	must(s.t, err)
	defer f.Close()
	_, err = fmt.Fprintln(f, public)
	must(s.t, err)
}

// Begin starts a server that was killed, and waits until it listens.
func (s *Server) Begin() {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	must(s.t, err)
	defer log.Close()
	s.cmd = exec.Command(s.argv[0], s.argv[1:]...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	must(s.t, s.cmd.Start())
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", s.Address())
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("sshd does not listen: %s", s.Log())
		}
	}
}

// Address is where the server listens.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }

// Log is what the server has said.
func (s *Server) Log() string {
	text, err := os.ReadFile(filepath.Join(s.Dir, "log"))
	must(s.t, err)
	return string(text)
}

// FreePort is a port that nobody listened on a moment ago.
func FreePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// MakeKey writes a private key, encrypted if there is a passphrase, and returns
// the public one.
func MakeKey(t *testing.T, file, passphrase string) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(private, "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	must(t, err)
	must(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	key, err := ssh.NewPublicKey(public)
	must(t, err)
	return string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(key)))
}

// Fingerprint is that of a public key, as ssh-keygen -lf prints it.
func Fingerprint(t *testing.T, public string) string {
	t.Helper()
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(public))
	must(t, err)
	return ssh.FingerprintSHA256(key)
}

// WantError fails unless there is an error that says all the parts.
func WantError(t *testing.T, err error, parts ...string) {
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

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
