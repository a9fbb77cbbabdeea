package reach

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/host/ssh/hostkey"
	"keelway.dev/keelway/internal/host/ssh/sshtest"
	"keelway.dev/keelway/internal/host/ssh/userconfig"
)

// home is a person's home with an SSH configuration.
func home(t *testing.T, config string) *Reach {
	t.Helper()
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, ".ssh"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, ".ssh/config"), []byte(config), 0o600))
	f, err := userconfig.Load(filepath.Join(dir, ".ssh/config"), dir)
	must(t, err)
	r := New(Settings{Config: f})
	t.Cleanup(r.Close)
	return r
}

func (r *Reach) try(t *testing.T, target Target) error {
	t.Helper()
	h, err := r.Host(target)
	if err != nil {
		return err
	}
	_, err = h.Stat(t.Context(), "/")
	return err
}

func TestReach(t *testing.T) {
	node, bastion := sshtest.Start(t, ""), sshtest.Start(t, "")
	known := filepath.Join(t.TempDir(), "known")
	must(t, os.WriteFile(known, []byte(fmt.Sprintf("node %s\n[127.0.0.1]:%d %s\n", node.HostKey, bastion.Port, bastion.HostKey)), 0o600))
	r := home(t, fmt.Sprintf(`
Host node
  HostName 127.0.0.1
  Port %d
  User root
  IdentityFile %s
  UserKnownHostsFile %s
  HostKeyAlias node
Host behind
  HostName 127.0.0.1
  Port %d
  IdentityFile %s
  HostKeyAlias node
  UserKnownHostsFile %s
  ProxyJump root@bastion
Host bastion
  HostName 127.0.0.1
  Port %d
  IdentityFile %s
  UserKnownHostsFile %s
Host circle
  ProxyJump circle2
Host circle2
  ProxyJump circle
`, node.Port, node.UserKey, known, node.Port, node.UserKey, known, bastion.Port, bastion.UserKey, known))
	must(t, r.try(t, Target{Address: "node"}))
	for range 2 {
		must(t, r.try(t, Target{Name: "node-1", Address: "behind"}))
	}
	if n := strings.Count(bastion.Log(), "Accepted publickey"); n != 1 {
		t.Errorf("the jump host saw %d logins, want one for all", n)
	}
	sshtest.WantError(t, r.try(t, Target{Address: "circle"}), "circle")

	// What the target says counts more than the configuration.
	must(t, r.try(t, Target{Address: "node", HostKey: node.HostKey, Keys: []string{node.UserKey}}))
	sshtest.WantError(t, r.try(t, Target{Address: "node", HostKey: bastion.HostKey}), "changed")
	sshtest.WantError(t, r.try(t, Target{Address: "node", Keys: []string{bastion.UserKey}}), "none of the keys")
	sshtest.WantError(t, r.try(t, Target{Address: "node", User: "no-such-user"}), "as no-such-user")
	must(t, r.try(t, Target{Name: "far", Address: "127.0.0.1", Port: node.Port, HostKey: node.HostKey, Keys: []string{node.UserKey}, Jump: []Target{{Address: "bastion"}}}))
}

// TestBare is a person without a configuration.
func TestBare(t *testing.T) {
	s := sshtest.Start(t, "")
	r := home(t, "")
	dir := r.settings.Config.Path("~/.ssh")
	target := Target{Address: "127.0.0.1", Port: s.Port}
	sshtest.WantError(t, r.try(t, target), "no SSH key")
	key, err := os.ReadFile(s.UserKey)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "id_ed25519"), key, 0o600))
	err = r.try(t, target)
	var unknown *hostkey.UnknownError
	if !errors.As(err, &unknown) || unknown.Files[0] != filepath.Join(dir, "known_hosts") {
		t.Fatalf("the first sight of a key: %v", err)
	}
	must(t, hostkey.Remember(unknown.Files[0], unknown))
	must(t, r.try(t, target))
	s.LetIn(sshtest.MakeKey(t, filepath.Join(dir, "id_ed25519"), "secret"))
	sshtest.WantError(t, r.try(t, target), "ssh-add "+filepath.Join(dir, "id_ed25519"))
}

func TestParse(t *testing.T) {
	rows := map[string]Target{
		"bastion":                     {Address: "bastion"},
		"me@bastion":                  {Address: "bastion", User: "me"},
		"me@dom@bastion:2222":         {Address: "bastion", User: "me@dom", Port: 2222},
		"ssh://me@bastion:22":         {Address: "bastion", User: "me", Port: 22},
		"[2001:db8::1]:2222":          {Address: "2001:db8::1", Port: 2222},
		"root@[2001:db8::1]":          {Address: "2001:db8::1", User: "root"},
		"2001:db8::1":                 {Address: "2001:db8::1"},
		" 192.0.2.1:22 ":              {Address: "192.0.2.1", Port: 22},
		"user@192.0.2.1":              {Address: "192.0.2.1", User: "user"},
		"ssh://operator@[fe80::1]:22": {Address: "fe80::1", User: "operator", Port: 22},
	}
	for text, want := range rows {
		got, err := Parse(text)
		if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "me@", "host:port", "host:0", "host:70000"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q was taken for %+v", text, got)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
