package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/host/ssh/sshtest"
)

// terminal is a pseudo-terminal at which somebody has typed something already.
func terminal(t *testing.T, typed string) *os.File {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	if _, err := master.WriteString(typed); err != nil {
		t.Fatal(err)
	}
	return slave
}

// TestFirstSightOfAKey meets a real SSH server whose key nobody knows.
func TestFirstSightOfAKey(t *testing.T) {
	server := sshtest.Start(t, "")
	var known string
	meet := func(typed string) (words string, err error) {
		t.Helper()
		t.Setenv("HOME", t.TempDir())
		known = filepath.Join(os.Getenv("HOME"), ".ssh", "known_hosts")
		s := streams{in: strings.NewReader(typed), err: temporary(t)}
		if typed != "" {
			s.in = terminal(t, typed)
		}
		hosts := []file.Host{{Name: "node-1", Address: "127.0.0.1", SSH: file.SSH{User: "root", Port: server.Port, KeyFile: server.UserKey}}}
		c, err := newConnector(hosts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		var lost error
		reach := func() error {
			h, err := c.connect(hosts[0])
			if err == nil {
				_, err = h.Stat(t.Context(), "/proc")
			}
			lost = err
			return nil
		}
		_ = reach()
		if err := s.trust(func() []error { return []error{lost, lost} }, reach); err != nil {
			return said(t, s.err), err
		}
		return said(t, s.err), lost
	}
	words, err := meet("y\n")
	if err != nil || strings.Count(words, "Trust this key") != 1 || !strings.Contains(words, "SHA256:") || !strings.Contains(words, "ssh-keygen -lf") {
		t.Errorf("trusted: %v\n%s", err, words)
	}
	if text, err := os.ReadFile(known); err != nil || !strings.Contains(string(text), strings.Join(strings.Fields(server.HostKey)[:2], " ")) {
		t.Errorf("the key is not remembered: %v\n%s", err, text)
	}
	for typed, want := range map[string]string{
		"n\n": "the key of node-1 was not trusted",
		"\n":  "the key of node-1 was not trusted",
		"":    "hostKey: ssh-ed25519 AAAA",
	} {
		_, err := meet(typed)
		if exitCode(t.Context(), err) != exitUsage || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "nothing was changed") {
			t.Errorf("%q: %v", typed, err)
		}
		if _, err := os.Stat(known); err == nil {
			t.Errorf("%q: something was remembered", typed)
		}
	}
}

func temporary(t *testing.T) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func said(t *testing.T, f *os.File) string {
	t.Helper()
	text, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
