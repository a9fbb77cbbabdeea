package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"keelway.dev/keelway/bench/many"
	"keelway.dev/keelway/bench/watch"
)

// fleetLimit is how long one cluster of five machines may take.
const fleetLimit = 8 * time.Minute

// fleetPairs bounds the pairs of these scenarios, each of which takes minutes.
const fleetPairs = 3

// fleetPresent makes clusters of five machines that have the images, and whose
// runtime runs.
func (b *bench) fleetPresent(ctx context.Context) error {
	return b.fleetPair(ctx, "fleet-present", (*many.Lab).PrepareTheirs, (*many.Lab).PrepareOurs)
}

// fleetBare makes clusters of five machines on which nothing is.
func (b *bench) fleetBare(ctx context.Context) error {
	none := func(*many.Lab, context.Context) error { return nil }
	return b.fleetPair(ctx, "fleet-bare", none, none)
}

func (b *bench) fleetPair(ctx context.Context, scenario string, prepareTheirs, prepareOurs func(*many.Lab, context.Context) error) error {
	theirs := func(l *many.Lab, ctx context.Context) error { return l.Theirs(ctx, scenario == "fleet-bare") }
	for range min(b.pairs, fleetPairs) {
		if !b.alone {
			if err := b.fleetOnce(ctx, scenario, theReference, prepareTheirs, theirs); err != nil {
				return err
			}
		}
		if err := b.fleetOnce(ctx, scenario, itself, prepareOurs, (*many.Lab).Ours); err != nil {
			return err
		}
	}
	return nil
}

// fleetOnce makes one cluster in a lab of its own, measures, and removes both.
func (b *bench) fleetOnce(ctx context.Context, scenario string, who side, prepare, build func(*many.Lab, context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, fleetLimit)
	defer cancel()
	l, remove, err := b.lab(ctx, 3, 2)
	defer func() { err = errors.Join(err, remove()) }()
	if err != nil {
		return err
	}
	if err := prepare(l, ctx); err != nil {
		return err
	}
	unix.Sync() // what the preparation wrote must not slow down what follows
	start := time.Now()
	watched, stop := context.WithCancel(ctx)
	defer stop()
	var returned time.Duration
	made := asynchronously(func() error {
		err := build(l, ctx)
		returned = time.Since(start)
		if err != nil {
			stop() // nothing more will come
		}
		return err
	})
	seen, watchErr := l.Watch(watched, start)
	if err := errors.Join(<-made, watchErr); err != nil {
		return err
	}
	seen[watch.Returned] = returned
	b.timelines = append(b.timelines, timeline{scenario, who, seen})
	b.say("  %-9s %s", who, brief(seen))
	return nil
}

// lab makes one. remove is to be called in any case.
func (b *bench) lab(ctx context.Context, controlPlanes, workers int) (l *many.Lab, remove func() error, err error) {
	remove = func() error { return nil }
	folder, err := b.folder()
	if err != nil {
		return nil, remove, err
	}
	remove = func() error { return os.RemoveAll(folder) }
	self, err := os.Executable()
	if err != nil {
		return nil, remove, err
	}
	l, err = many.Create(ctx, many.Options{
		Keelway: b.keelway, Kubeadm: b.kubeadm, Bench: self, Bundle: b.bundle, Work: folder, Log: b.log,
		ControlPlanes: controlPlanes, Workers: workers,
	})
	if l != nil {
		remove = func() error { return errors.Join(l.Delete(ctx), os.RemoveAll(folder)) }
	}
	return l, remove, err
}

// noop measures an apply that has nothing to do, on that many machines over SSH.
func noop(hosts int, seconds float64) func(*bench, context.Context) error {
	return func(b *bench, ctx context.Context) (err error) {
		ctx, cancel := context.WithTimeout(ctx, 2*fleetLimit)
		defer cancel()
		l, remove, err := b.lab(ctx, 1, 1)
		defer func() { err = errors.Join(err, remove()) }()
		if err != nil {
			return err
		}
		if err := l.Multiply(ctx, hosts); err != nil {
			return err
		}
		again := figure{name: fmt.Sprintf("apply with nothing to do, %d machines over SSH", hosts), unit: "s", targets: []target{own(seconds)}}
		memory := figure{name: again.name + ", peak memory", unit: "MB", targets: []target{own(300)}}
		for range b.pairs {
			n, err := l.Nothing(ctx)
			if err != nil {
				return err
			}
			b.say("  %d machines: %.1f s, %d MB", hosts, n.Took.Seconds(), n.Peak>>20)
			again.ours = append(again.ours, n.Took.Seconds())
			memory.ours = append(memory.ours, float64(n.Peak)/(1<<20))
		}
		b.figures = append(b.figures, again, memory)
		return nil
	}
}
