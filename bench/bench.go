package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"keelway.dev/keelway/bench/memory"
	"keelway.dev/keelway/bench/watch"
	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/prior"
	"keelway.dev/keelway/internal/service"
	"keelway.dev/keelway/internal/service/supervisor"
)

// bench is one run of the benchmark.
type bench struct {
	options
	out  io.Writer
	log  *os.File
	host *local.Host
	// services is this machine's init system, or the built-in supervisor.
	services service.Manager
	// ours and theirs are the same cluster, with Keelway's and with kubeadm's defaults.
	ours, theirs *cluster.Model
	// work is a folder for what the benchmark itself writes.
	work string

	figures   []figure
	timelines []timeline
	usage     []usage
	signings  []signed
}

// side is who made a cluster.
type side string

const (
	theReference side = "reference"
	itself       side = "Keelway"
)

// timeline is when what was seen in one run.
type timeline struct {
	scenario string
	side     side
	seen     watch.Timeline
}

// usage is what one idle cluster took.
type usage struct {
	side     side
	programs []memory.Usage
}

// signed is how long one cluster took to sign the certificates of a wave.
type signed struct {
	side side
	took time.Duration
}

// newBench looks at the machine, and refuses one that lacks what the chosen
// scenarios need.
func newBench(ctx context.Context, o options, chosen []scenario, out io.Writer) (*bench, error) {
	for _, s := range chosen {
		for _, file := range s.files(o) {
			if _, err := os.Stat(file); err != nil {
				return nil, fmt.Errorf("%s: %w; `make bench` builds it", s.name, err)
			}
		}
		if s.here {
			if err := checkBare(); err != nil {
				return nil, err
			}
		}
	}
	b := &bench{options: o, out: out}
	var err error
	if b.host, err = local.New(""); err != nil {
		return nil, err
	}
	if b.services, err = service.Detect(ctx, b.host, supervisor.Options{Command: []string{desired.SelfPath, "supervise"}}); err != nil {
		return nil, err
	}
	facts, err := observe.Facts(ctx, b.host)
	if err != nil {
		return nil, err
	}
	if b.ours, err = cluster.New(cluster.Options{Facts: facts, Now: time.Now()}); err != nil {
		return nil, err
	}
	// The guides' cluster has the taint, and lifts it.
	if b.theirs, err = cluster.New(cluster.Options{Facts: facts, Now: time.Now(), Profile: cluster.Kubeadm, KeepTaint: true}); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(o.log), 0o755); err != nil {
		return nil, err
	}
	if b.log, err = os.Create(o.log); err != nil {
		return nil, err
	}
	b.work, err = os.MkdirTemp("/var/tmp", "keelway-bench-")
	return b, err
}

func checkBare() error {
	for _, folder := range append(desired.FilledFolders(), prior.Dir) {
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			return fmt.Errorf("%s is there: only a machine without a cluster and without containerd can be measured; `keelway down` removes a cluster that Keelway or an interrupted benchmark made", folder)
		}
	}
	return nil
}

// say prints a line with the time of day, for people who wait.
func (b *bench) say(format string, args ...any) {
	line := time.Now().Format("15:04:05  ") + fmt.Sprintf(format, args...) + "\n"
	fmt.Fprint(b.out, line)
	fmt.Fprint(b.log, "\n--- ", line)
}

// folder makes an empty folder for one run.
func (b *bench) folder() (string, error) { return os.MkdirTemp(b.work, "") }
