package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"keelway.dev/keelway/internal/lab/cgroup"
	"keelway.dev/keelway/internal/service/process"
)

// makeHost makes a host's disk: an overlay on the image, and a /var of its own,
// because containerd's layers cannot lie on an overlay.
func (l *Lab) makeHost(h Host) error {
	root := l.rootOf(h)
	for _, dir := range []string{root, filepath.Join(l.hostDir(h), "upper"), filepath.Join(l.hostDir(h), "work")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if _, err := os.Stat(l.varOf(h)); err != nil {
		temp := l.varOf(h) + ".new"
		if err := os.RemoveAll(temp); err != nil {
			return err
		}
		if out, err := exec.Command("cp", "-a", "--reflink=auto", filepath.Join(l.Image, "var"), temp).CombinedOutput(); err != nil {
			return fmt.Errorf("cannot copy /var for %s: %w: %s", h.Name, err, bytes.TrimSpace(out))
		}
		if err := os.Rename(temp, l.varOf(h)); err != nil {
			return err
		}
	}
	if err := l.mount(h); err != nil {
		return err
	}
	names := "127.0.0.1 localhost\n"
	for _, other := range l.Hosts {
		for _, a := range other.addresses() {
			names += a.String() + " " + other.Name + "\n"
		}
	}
	keys, err := os.ReadFile(l.path("authorized_keys"))
	if err != nil {
		return err
	}
	key, err := os.ReadFile(filepath.Join(l.hostDir(h), "host_key"))
	if err != nil {
		return err
	}
	for _, f := range []struct {
		path, text string
		mode       fs.FileMode
	}{
		{"/etc/hostname", h.Name + "\n", 0o644},
		{"/etc/hosts", names, 0o644},
		{"/root/.ssh/authorized_keys", string(keys), 0o600},
		{"/etc/ssh/ssh_host_ed25519_key", string(key), 0o600},
		{"/etc/lab-network", fmt.Sprintf("ADDRESS=%s/%d\nGATEWAY=%s\n", h.Address, l.Subnet.Bits(), gateway(l.Subnet)), 0o644},
		{"/etc/systemd/system/lab-network.service.d/ipv6.conf", l.dropIn(h), 0o644},
	} {
		if err := write(filepath.Join(root, f.path), []byte(f.text), f.mode); err != nil {
			return err
		}
	}
	return nil
}

// mount puts the host's own layer on the image, if it is not there already.
func (l *Lab) mount(h Host) error {
	if mounted(l.rootOf(h)) {
		return nil
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", l.Image, filepath.Join(l.hostDir(h), "upper"), filepath.Join(l.hostDir(h), "work"))
	if err := unix.Mount("keelway-lab", l.rootOf(h), "overlay", 0, options); err != nil {
		return fmt.Errorf("cannot mount the root of %s: %w", h.Name, err)
	}
	return nil
}

func mounted(path string) bool {
	var own, parent unix.Stat_t
	if unix.Lstat(path, &own) != nil || unix.Lstat(filepath.Dir(path), &parent) != nil {
		return false
	}
	return own.Dev != parent.Dev
}

// boot starts a host and records its process before anything else happens.
func (l *Lab) boot(h *Host, self string) error {
	old, err := cgroup.V1()
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(l.launchOf(*h, old), "", "  ")
	if err != nil {
		return err
	}
	if err := write(l.launchPath(*h), data, 0o600); err != nil {
		return err
	}
	console, err := os.OpenFile(l.consoleOf(*h), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer console.Close()
	c := exec.Command(self, "lab-launch", l.launchPath(*h))
	c.Stdout, c.Stderr = console, console
	c.Dir = "/"
	// The mark stays when the program replaces itself by systemd-nspawn.
	c.Env = append(os.Environ(), process.InvocationVariable+"="+l.cgroupOf(*h))
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		return err
	}
	go func() { _ = c.Wait() }()
	if h.Process, err = process.Identify(c.Process.Pid); err != nil {
		return fmt.Errorf("%s did not start: %s", h.Name, l.lastWords(*h))
	}
	return nil
}

func (l *Lab) lastWords(h Host) string {
	text, err := os.ReadFile(l.consoleOf(h))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n") + " (all of it: " + l.consoleOf(h) + ")"
}

// wait waits until systemd has started everything and sshd answers.
func (l *Lab) wait(ctx context.Context, h Host, waiting func(string)) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	last := ""
	for {
		if !h.Running() {
			return fmt.Errorf("%s ended while it booted: %s", h.Name, l.lastWords(h))
		}
		out, err := l.Run(ctx, h, "systemctl is-system-running")
		switch state := strings.TrimSpace(out); {
		case state == "running":
			return nil
		case state == "degraded":
			failed, _ := l.Run(ctx, h, "systemctl --failed --no-legend --plain")
			return fmt.Errorf("%s has booted, but these units failed: %s", h.Name, strings.TrimSpace(failed))
		case state != "":
			last = "systemd is " + state
		case err != nil:
			last = err.Error()
		}
		waiting(last)
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s did not boot in time: %s; %s", h.Name, last, l.lastWords(h))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// halt ends a host: in order when asked, as a power cut when not, or when it
// does not end in time.
func (l *Lab) halt(ctx context.Context, h *Host, orderly bool) error {
	if orderly && h.Running() {
		// systemd-nspawn hands it on as a request to power off.
		if err := syscall.Kill(h.Process.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
		waitEnd(ctx, *h, 30*time.Second)
	}
	if h.Running() {
		if err := syscall.Kill(h.Process.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
		waitEnd(ctx, *h, 10*time.Second)
	}
	if err := l.clear(ctx, *h); err != nil {
		return err
	}
	h.Process = process.Identity{}
	return nil
}

func waitEnd(ctx context.Context, h Host, limit time.Duration) {
	for end := time.Now().Add(limit); h.Running() && time.Now().Before(end) && ctx.Err() == nil; {
		time.Sleep(20 * time.Millisecond)
	}
}
