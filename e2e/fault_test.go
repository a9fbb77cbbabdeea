package e2e

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFaultsBeforeAnythingIsWritten shows machines and wishes that do not fit:
// one clear error each, and nothing is written.
func TestFaultsBeforeAnythingIsWritten(t *testing.T) {
	enabled(t)
	before := look(t)
	taken, err := net.Listen("tcp", ":10257")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, row := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"a port is taken", nil, 3, []string{"[ERROR Port-10257]", "e2e.test"}},
		{"an address that is not this machine's", []string{"--apiserver-advertise-address", "203.0.113.9", "--ignore-preflight-errors=Port-10257"}, 3, []string{"203.0.113.9", "[ERROR Address]"}},
		{"ranges that overlap", []string{"--pod-network-cidr", "10.96.0.0/16"}, 2, []string{"10.96.0.0/16", "10.96.0.0/12", "overlap"}},
		{"a version that is not there", []string{"--kubernetes-version", "v1.20"}, 2, []string{"v1.20", "v1.37.0"}},
		{"a profile that is not there", []string{"--profile", "soft"}, 2, []string{"soft", "hardened"}},
		{"a flag that is not there", []string{"--nonsense"}, 2, []string{"--nonsense", "keelway up --help"}},
		{"a bundle that is not there", []string{"--bundle", "/nowhere.tar.zst"}, 2, []string{"/nowhere.tar.zst"}},
		{"a phase that is not there", []string{"--until", "nonsense"}, 2, []string{"nonsense", "certs"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := run(t, append([]string{"up"}, row.args...)...)
			text := r.out + r.err
			if r.code != row.code {
				t.Errorf("exit code %d, want %d", r.code, row.code)
			}
			for _, s := range row.says {
				if !strings.Contains(text, s) {
					t.Errorf("it does not say %q:\n%s", s, text)
				}
			}
		})
	}
	if left := difference(before, look(t)); len(left) > 0 {
		t.Errorf("the refused runs changed the machine:\n%s", strings.Join(left, "\n"))
	}
}

// TestClockAYearOff runs a program that was built a year after what the clock
// says, which no right clock can see.
func TestClockAYearOff(t *testing.T) {
	enabled(t)
	before := look(t)
	late := filepath.Join(t.TempDir(), "keelway")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", late,
		"-ldflags=-s -w -X keelway.dev/keelway/internal/cli.built="+time.Now().AddDate(1, 0, 0).Format(time.RFC3339), "keelway.dev/keelway")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), late, "up", "--bundle", bundle(t)).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.Contains(string(out), "[ERROR Clock]") {
		t.Errorf("%v, want exit code 3 and [ERROR Clock]:\n%s", err, out)
	}
	if left := difference(before, look(t)); len(left) > 0 {
		t.Errorf("the refused run changed the machine:\n%s", strings.Join(left, "\n"))
	}
}

// TestFullDisk runs up where Keelway's own folder has no room for the bundle,
// in a mount namespace of its own.
func TestFullDisk(t *testing.T) {
	enabled(t)
	if _, err := exec.LookPath("unshare"); err != nil {
		t.Skip("no unshare (util-linux): the full disk is a small tmpfs in a mount namespace")
	}
	t.Cleanup(func() { remove(t) })
	const dir = "/var/lib/keelway"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "full")
	text := "#!/bin/sh\nset -e\nmount -t tmpfs -o size=20m none " + dir + "\nset +e\n" + program(t) + " up --ignore-preflight-errors=DiskSpace\necho code=$?\nfind " + dir + " -type f\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", script)
	cmd.Env = environment(t)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := string(out)
	if !strings.Contains(got, "no space left on device") || !strings.Contains(got, "code=1") {
		t.Errorf("no clear error for a full disk:\n%s", got)
	}
	if strings.Contains(got, "/bundle/") && strings.Contains(got, "manifest.json\n") {
		t.Errorf("half a bundle was left as if it were whole:\n%s", got)
	}
	if _, err := os.Stat("/etc/kubernetes"); err == nil {
		t.Error("/etc/kubernetes was made though the bundle could not be unpacked")
	}
}

// TestWhatAClusterCannotChange asks a running cluster for another range and profile.
func TestWhatAClusterCannotChange(t *testing.T) {
	enabled(t)
	up(t, "--profile", "kubeadm")
	r := run(t, "up", "--profile", "hardened", "--pod-network-cidr", "10.250.0.0/16")
	if r.code != 4 || !strings.Contains(r.out+r.err, "--profile=hardened") || !strings.Contains(r.out+r.err, "--pod-network-cidr=10.250.0.0/16") {
		t.Errorf("exit code %d, want 4 and both refusals:\n%s%s", r.code, r.out, r.err)
	}
	if again := must(t, "up"); !strings.Contains(again.out, "nothing to do") {
		t.Errorf("a plain up did not keep the profile:\n%s", again.out)
	}
	if out := must(t, "status", "--output", "json").out; !strings.Contains(out, `"kubeadm"`) {
		t.Errorf("status does not say that the profile is kubeadm:\n%.400s", out)
	}
}
