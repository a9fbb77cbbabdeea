// Command bench measures Keelway beside the real kubeadm on this machine, in
// interleaved pairs, and removes everything that it made.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"keelway.dev/keelway/bench/many"
)

// options are the command line.
type options struct {
	keelway, bundle, kubeadm, output, document, log string
	pairs                                           int
	only                                            string
	settle                                          time.Duration
	alone, late                                     bool
	keep                                            string
	// simulate and made are how the program calls itself.
	simulate int
	made     bool
	here     string
	with     int64
}

func main() {
	var o options
	flag.StringVar(&o.keelway, "keelway", "bin/keelway", "the keelway to measure")
	flag.StringVar(&o.bundle, "bundle", "dist/keelway-bundle-v1.37.0-linux-amd64.tar.zst", "the bundle that both sides install from")
	flag.StringVar(&o.kubeadm, "kubeadm", "dist/compat/kubeadm", "the real kubeadm")
	flag.StringVar(&o.output, "output", "dist/bench.json", "where the figures go")
	flag.StringVar(&o.document, "document", "", "also write the tables into this page, between its marks")
	flag.StringVar(&o.log, "log", "dist/bench.log", "where the output of every program goes")
	flag.IntVar(&o.pairs, "pairs", 5, "how many pairs of reference and Keelway")
	flag.StringVar(&o.only, "only", "", "only these, with commas: "+names(scenarios()))
	flag.DurationVar(&o.settle, "settle", time.Minute, "how long a cluster is left alone before its memory is measured")
	flag.BoolVar(&o.alone, "alone", false, "make clusters with Keelway only, for a quick look while working on it")
	flag.BoolVar(&o.late, "late-network", false, "let flannel write the reference's network configuration, instead of having it there beforehand as on Keelway's side")
	flag.StringVar(&o.keep, "keep", "", "copy the logs of every service and pod into this folder, before each cluster is removed")
	flag.IntVar(&o.simulate, "simulate", 0, "plan that many simulated hosts in this process, and print what it took as JSON")
	flag.BoolVar(&o.made, "made", false, "with -simulate: hosts on which there is nothing to do")
	flag.StringVar(&o.here, "here", "", "do this part of the work on the lab's host that this runs on")
	flag.Int64Var(&o.with, "with", 0, "what the part of -here is told")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "Measure Keelway, beside the real kubeadm where it can do the same.\n\nScenarios (-only):\n%s\nFlags:\n", list())
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run measures what was asked for, prints it and writes it down.
func run(ctx context.Context, o options, out io.Writer) (err error) {
	if o.simulate > 0 {
		return simulate(out, o.simulate, o.made)
	}
	if o.here != "" {
		return many.Here(ctx, o.here, o.with, out, os.Stderr)
	}
	if os.Geteuid() != 0 {
		return errors.New("a cluster on this machine needs root")
	}
	for _, path := range []*string{&o.keelway, &o.bundle, &o.kubeadm, &o.output, &o.log} {
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	chosen, err := choose(o.only)
	if err != nil {
		return err
	}
	b, err := newBench(ctx, o, chosen, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.log.Close(), os.RemoveAll(b.work)) }()
	for _, s := range chosen {
		b.say("%s", s.what)
		if err := s.measure(b, ctx); err != nil {
			return fmt.Errorf("%s: %w; what the programs said is in %s", s.name, err, o.log)
		}
	}
	page := b.page()
	fmt.Fprint(out, "\n", page)
	if err := writeJSON(o.output, b.results()); err != nil {
		return err
	}
	if o.document != "" {
		return writeDocument(o.document, page)
	}
	return nil
}
