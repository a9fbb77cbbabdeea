package observe_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/host/ssh"
	"keelway.dev/keelway/internal/host/ssh/hostkey"
	"keelway.dev/keelway/internal/host/ssh/identity"
	"keelway.dev/keelway/internal/host/ssh/sshtest"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/service"
)

func overSSH(t *testing.T) *ssh.Host {
	t.Helper()
	s := sshtest.Start(t, "")
	h := ssh.New(ssh.Config{
		Name: "machine", Address: "127.0.0.1", Port: s.Port,
		Keys: identity.Source{Files: []string{s.UserKey}}, HostKey: hostkey.Policy{Pinned: s.HostKey},
	})
	t.Cleanup(h.Close)
	return h
}

// TestFactsOverSSH reads this machine both ways.
func TestFactsOverSSH(t *testing.T) {
	far := overSSH(t)
	near, err := local.New("machine")
	if err != nil {
		t.Fatal(err)
	}
	want, err := observe.Facts(t.Context(), near)
	if err != nil {
		t.Fatal(err)
	}
	got, err := observe.Facts(t.Context(), far)
	if err != nil {
		t.Fatal(err)
	}
	// The environment is that of who logs in, and the disk is written to meanwhile.
	want.ProxyEnvironment, got.ProxyEnvironment = nil, nil
	if d := want.DiskFreePercent - got.DiskFreePercent; d >= -1 && d <= 1 {
		got.DiskFreePercent = want.DiskFreePercent
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("over SSH: %+v\nhere:     %+v", got, want)
	}
}

// started is a manager whose services all started at one time.
type started struct {
	service.Manager
	at time.Time
}

func (s started) Status(context.Context, string) (service.Status, error) {
	return service.Status{Running: true, Since: s.at}, nil
}

// TestLookOverSSH sees what SFTP does not tell: parts of a second, and a file
// that was changed twice in one.
func TestLookOverSSH(t *testing.T) {
	h, dir := overSSH(t), t.TempDir()
	second := time.Unix(1_800_000_000, 0)
	program, config, old := filepath.Join(dir, "program"), filepath.Join(dir, "config"), filepath.Join(dir, "old")
	called, leads := filepath.Join(dir, "called"), filepath.Join(dir, "leads")
	for link, target := range map[string]string{called: "program", leads: config} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	write := func(path string, content []byte, at time.Duration) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, second.Add(at), second.Add(at)); err != nil {
			t.Fatal(err)
		}
	}
	o := &observe.Observer{
		Host: h, Services: started{at: second.Add(300 * time.Millisecond)},
		Cluster: observe.Cluster{Client: kube.NewAdmin(h).Client},
	}
	look := func() map[string]observed.File {
		t.Helper()
		got, err := o.Look(t.Context(), desired.Host{Resources: []desired.Resource{{
			ID: "service", Service: &desired.Service{Name: "x", Reads: []string{program, config, old, called, leads}},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		return got.Files
	}
	big := bytes.Repeat([]byte("x"), observed.MaxContent+1)
	write(program, big, 100*time.Millisecond)
	write(config, []byte("one"), 700*time.Millisecond)
	write(old, []byte("old"), -time.Hour)
	files := look()
	for path, after := range map[string]time.Duration{program: 100 * time.Millisecond, config: 700 * time.Millisecond, old: -time.Hour} {
		if got := files[path].ModTime.Sub(second); got != after {
			t.Errorf("%s was changed %v after the second began, want %v", path, got, after)
		}
	}
	if sum := sha256.Sum256(big); files[program].SHA256 != hex.EncodeToString(sum[:]) || files[program].Content != nil {
		t.Errorf("the program's checksum is %s", files[program].SHA256)
	}
	if files = look(); string(files[config].Content) != "one" {
		t.Errorf("content %q", files[config].Content)
	}
	if program, config := files[called], files[leads]; program.Link != "program" || program.Content != nil || string(config.Content) != "one" {
		t.Errorf("a link to a program: %q with %d bytes, which nobody needs; one to a file: %q", program.Link, len(program.Content), config.Content)
	}
	write(config, []byte("two"), 800*time.Millisecond)
	if files = look(); string(files[config].Content) != "two" {
		t.Errorf("content %q: the change within the second was not seen", files[config].Content)
	}
}
