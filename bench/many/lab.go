// Package many makes the clusters of several machines that are compared, each in a fresh lab.
package many

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"keelway.dev/keelway/internal/lab"
)

// Name is the lab's.
const Name = "bench"

// Options are what a lab is made with.
type Options struct {
	// Keelway, Kubeadm, Bench and Bundle are files that the hosts see.
	Keelway, Kubeadm, Bench, Bundle string
	ControlPlanes, Workers          int
	// Work is an empty folder on this machine.
	Work string
	Log  io.Writer
}

// Lab is hosts on which nothing is yet.
type Lab struct {
	Options
	lab *lab.Lab
}

// The files' names in the folder that the hosts see.
const (
	keelwayFile = "keelway"
	kubeadmFile = "kubeadm"
	benchFile   = "bench"
	bundleFile  = "bundle.tar.zst"
)

// Create makes the lab.
func Create(ctx context.Context, o Options) (*Lab, error) {
	share := filepath.Join(o.Work, "share")
	if err := os.MkdirAll(share, 0o755); err != nil {
		return nil, err
	}
	for to, from := range map[string]string{keelwayFile: o.Keelway, kubeadmFile: o.Kubeadm, benchFile: o.Bench, bundleFile: o.Bundle} {
		if err := place(from, filepath.Join(share, to)); err != nil {
			return nil, err
		}
	}
	l := &Lab{Options: o}
	create := func() error {
		return l.keelway(ctx, "lab", "create", "--lab", Name, "--controlplanes", strconv.Itoa(o.ControlPlanes), "--workers", strconv.Itoa(o.Workers), "--share", share, "--file", l.file())
	}
	err := create()
	if err != nil && ctx.Err() == nil {
		err = create() // a host that did not boot is booted again
	}
	if err != nil {
		return l, err
	}
	if l.lab, err = lab.Open(Name); err != nil {
		return l, err
	}
	text, err := os.ReadFile(l.file())
	if err != nil {
		return l, err
	}
	// The guides' endpoint: a name that every host knows.
	whole := strings.Replace(string(text), "spec:\n", "spec:\n  endpoint: "+endpoint+"\n", 1)
	return l, os.WriteFile(l.file(), []byte(whole), 0o600)
}

// Delete removes the lab, also after Ctrl-C.
func (l *Lab) Delete(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	return l.keelway(ctx, "lab", "delete", "--lab", Name, "--yes")
}

func place(from, to string) error {
	if err := os.Link(from, to); err == nil || errors.Is(err, os.ErrExist) {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func (l *Lab) cache() string { return filepath.Join(l.Work, "cache") }
func (l *Lab) file() string  { return filepath.Join(l.Work, "cluster.yaml") }

// keelway runs it here, with a cache of its own.
func (l *Lab) keelway(ctx context.Context, args ...string) error {
	_, err := l.measured(ctx, args...)
	return err
}

// measured is the same, and returns the most memory that it had, in bytes.
func (l *Lab) measured(ctx context.Context, args ...string) (int64, error) {
	c := exec.CommandContext(ctx, l.Keelway, args...)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 30 * time.Second
	c.Env = append(os.Environ(), "XDG_CACHE_HOME="+l.cache())
	c.Stdout, c.Stderr = l.Log, l.Log
	if err := c.Run(); err != nil {
		return 0, fmt.Errorf("keelway %s: %w", strings.Join(args[:min(2, len(args))], " "), err)
	}
	usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, errors.New("this system does not say what memory a process had")
	}
	return usage.Maxrss << 10, nil
}

// on runs a command line on a host, and returns what it printed.
func (l *Lab) on(ctx context.Context, host, command string) (string, error) {
	h, err := l.lab.Host(host)
	if err != nil {
		return "", err
	}
	out, err := l.lab.Run(ctx, h, command)
	fmt.Fprintf(l.Log, "--- %s: %s\n%s", host, command, out)
	if err != nil {
		return out, fmt.Errorf("%s: %s: %w: %s", host, command, err, out)
	}
	return out, nil
}

// onAll runs a command line on every host, side by side.
func (l *Lab) onAll(ctx context.Context, command string) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, h := range l.lab.Hosts {
		g.Go(func() error {
			_, err := l.on(ctx, h.Name, command)
			return err
		})
	}
	return g.Wait()
}
