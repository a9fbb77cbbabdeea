package ssh

import (
	"testing"

	"keelway.dev/keelway/internal/host/ssh/hostkey"
	"keelway.dev/keelway/internal/host/ssh/identity"
	"keelway.dev/keelway/internal/host/ssh/sshtest"
)

// sshd is a real SSH server of the test's own.
type sshd struct {
	*sshtest.Server
	t *testing.T
}

func startSSHD(t *testing.T, lines string, wrap ...string) *sshd {
	t.Helper()
	return &sshd{sshtest.Start(t, lines, wrap...), t}
}

// host reaches the server with its key pinned.
func (s *sshd) host(change ...func(*Config)) *Host {
	c := Config{
		Name: "machine", Address: "127.0.0.1", Port: s.Port,
		Keys:    identity.Source{Files: []string{s.UserKey}},
		HostKey: hostkey.Policy{Pinned: s.HostKey},
	}
	for _, f := range change {
		f(&c)
	}
	h := New(c)
	s.t.Cleanup(h.Close)
	return h
}
