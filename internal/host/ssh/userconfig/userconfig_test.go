package userconfig

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func load(t *testing.T, text string) *File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Load(path, "/home/me")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestHost(t *testing.T) {
	f := load(t, `
# the nodes
Host node-*
  HostName %h.example.org
  User admin
  port 2222
  IdentityFile ~/.ssh/%r-%n-%p
  IdentityFile "/keys/with space"
  IdentitiesOnly yes
  ProxyJump me@bastion:2200,inner
  UserKnownHostsFile ~/.ssh/lab /etc/%%known
  HostKeyAlias nodes
Host plain
  IdentityAgent none
  ProxyCommand none
Host old
  ProxyCommand nc %h %p
Host wrong
  Port many
Host *
  User everybody
  IdentityAgent ~/agent
`)
	rows := map[string]Host{
		"node-1": {
			HostName: "node-1.example.org", User: "admin", Port: 2222, HostKeyAlias: "nodes",
			IdentityFiles: []string{"/home/me/.ssh/admin-node-1-2222", "/keys/with space"}, IdentitiesOnly: true, IdentityAgent: "/home/me/agent",
			UserKnownHosts: []string{"/home/me/.ssh/lab", "/etc/%known"}, ProxyJump: []string{"me@bastion:2200", "inner"},
		},
		"plain":     {User: "everybody", IdentityAgent: "none"},
		"elsewhere": {User: "everybody", IdentityAgent: "/home/me/agent"},
	}
	for name, want := range rows {
		if got, err := f.Host(name); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v\nwant %+v", name, got, err, want)
		}
	}
	for name, part := range map[string]string{"old": "ProxyJump", "wrong": "no port"} {
		if _, err := f.Host(name); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, want an error with %q", name, err, part)
		}
	}
}

func TestLoad(t *testing.T) {
	f, err := Load(filepath.Join(t.TempDir(), "missing"), "/home/me")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.Host("any"); err != nil || !reflect.DeepEqual(got, Host{}) {
		t.Errorf("%+v, %v", got, err)
	}
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte("Host a\n  Match what?\n  \x00=\n\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, "/home/me"); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a file that is none: %v", err)
	}
}
