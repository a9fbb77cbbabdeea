package operation

import (
	"testing"

	"keelway.dev/keelway/internal/host/ssh"
	"keelway.dev/keelway/internal/host/ssh/hostkey"
	"keelway.dev/keelway/internal/host/ssh/identity"
	"keelway.dev/keelway/internal/host/ssh/sshtest"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/service"
)

// TestMachineOverSSH looks at this machine over SSH, and changes nothing.
func TestMachineOverSSH(t *testing.T) {
	s := sshtest.Start(t, "")
	h := ssh.New(ssh.Config{
		Name: "machine", Address: "127.0.0.1", Port: s.Port,
		Keys: identity.Source{Files: []string{s.UserKey}}, HostKey: hostkey.Policy{Pinned: s.HostKey},
	})
	t.Cleanup(h.Close)
	m, err := NewMachine(t.Context(), h, service.NewSystemd(h), nil)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := observe.Facts(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	services, err := service.DetectRemote(t.Context(), h)
	if (err == nil) != facts.Systemd {
		t.Errorf("systemd runs: %v; services: %v, %v", facts.Systemd, services, err)
	}
	if err != nil {
		sshtest.WantError(t, err, "cannot manage services on machine", "only hosts with a running systemd")
	} else if _, err := m.Services.Status(t.Context(), "systemd-journald"); err != nil {
		t.Error(err)
	}
}
