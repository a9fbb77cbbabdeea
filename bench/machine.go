package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"keelway.dev/keelway/bench/memory"
	"keelway.dev/keelway/bench/watch"
	"keelway.dev/keelway/internal/desired"
)

const (
	// superAdmin is written by both sides before the API server runs.
	superAdmin = "/etc/kubernetes/super-admin.conf"
	// upLimit is how long one cluster may take; downLimit how long its removal.
	upLimit   = 3 * time.Minute
	downLimit = 5 * time.Minute
	// signLimit is how long a wave of nodes may wait for its certificates.
	signLimit = 4 * time.Minute
)

// keelwayRun runs keelway to its end.
func (b *bench) keelwayRun(ctx context.Context, args ...string) error {
	c := exec.CommandContext(ctx, b.keelway, args...)
	// An orderly end first: it leaves a state that `down` knows.
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 30 * time.Second
	c.Stdout, c.Stderr = b.log, b.log
	if err := c.Run(); err != nil {
		return fmt.Errorf("keelway %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// up is `keelway up` with what the benchmark always says.
func (b *bench) up(ctx context.Context, args ...string) error {
	return b.keelwayRun(ctx, append([]string{"up", "--bundle", b.bundle, "--kubeconfig", "none", "--output", "json"}, args...)...)
}

// remove takes a cluster away, whoever made it, also after Ctrl-C.
func (b *bench) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), downLimit)
	defer cancel()
	return b.keelwayRun(ctx, "down", "--yes")
}

// once makes one cluster: prepare brings the machine to where time begins, and
// build does the rest. It measures, and removes everything.
func (b *bench) once(ctx context.Context, scenario string, who side, prepare, build func(context.Context) error) (err error) {
	defer func() { err = errors.Join(err, b.keepLogs(scenario, who), b.remove(ctx)) }()
	ctx, cancel := context.WithTimeout(ctx, upLimit+b.settle+signLimit)
	defer cancel()
	if err := prepare(ctx); err != nil {
		return err
	}
	unix.Sync() // what the preparation wrote must not slow down what follows
	start := time.Now()
	watched, stop := context.WithTimeout(ctx, upLimit)
	defer stop()
	w := watch.Start(watched, start, b.target())
	var returned time.Duration
	made := asynchronously(func() error {
		err := build(ctx)
		returned = time.Since(start)
		if err != nil {
			stop() // nothing more will come
		}
		return err
	})
	seen, watchErr := w.Wait(watched)
	if err := errors.Join(<-made, watchErr); err != nil {
		return err
	}
	seen[watch.Returned] = returned
	b.timelines = append(b.timelines, timeline{scenario, who, seen})
	b.say("  %-9s %s", who, brief(seen))
	switch scenario {
	case "present":
		return b.measureMemory(ctx, who)
	case "csr":
		return b.measureSigning(ctx, who)
	}
	return nil
}

// keepLogs copies what the services and pods said, if that was asked for.
func (b *bench) keepLogs(scenario string, who side) error {
	if b.keep == "" {
		return nil
	}
	to := filepath.Join(b.keep, fmt.Sprintf("%s-%s-%d", scenario, who, len(b.timelines)))
	for _, folder := range []string{"/var/log/keelway", "/var/log/pods"} {
		if err := os.CopyFS(filepath.Join(to, filepath.Base(folder)), os.DirFS(folder)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func asynchronously(do func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	return done
}

func (b *bench) target() watch.Target {
	n := b.ours.Cluster.Networking
	address, _ := n.ServiceAddress(10) // a valid model has it
	return watch.Target{
		Kubeconfig: superAdmin, Nodes: 1,
		DNS: address.String(), Name: "kubernetes.default.svc." + n.DNSDomain + ".",
	}
}

// brief is a timeline in one line.
func brief(seen watch.Timeline) string {
	var parts []string
	for _, m := range watch.Moments() {
		parts = append(parts, fmt.Sprintf("%s %.1f", m, seen[m].Seconds()))
	}
	return strings.Join(parts, ", ")
}

// measureMemory leaves the cluster alone, and then sums what it takes. What
// stands for the init system on kubeadm's side does not count there.
func (b *bench) measureMemory(ctx context.Context, who side) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(b.settle):
	}
	programs, err := memory.Measure([]string{
		"/usr/local/bin/containerd", "/usr/local/bin/containerd-shim-runc-v2", "/usr/bin/kubelet", desired.SelfPath,
	})
	if err != nil {
		return err
	}
	if who == theReference {
		programs = slices.DeleteFunc(programs, func(u memory.Usage) bool { return u.Program == desired.Self })
	}
	b.usage = append(b.usage, usage{who, programs})
	b.say("  %-9s %d MB", who, memory.Total(programs)>>20)
	return nil
}
