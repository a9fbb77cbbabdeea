package main

import (
	"context"
	"os"

	"keelway.dev/keelway/bench/peer"
	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/prior"
)

// present makes clusters on a machine whose runtime runs and has the images.
func (b *bench) present(ctx context.Context) error { return b.onPresent(ctx, "present") }

// csr has a wave of nodes ask the same clusters for their certificates.
func (b *bench) csr(ctx context.Context) error { return b.onPresent(ctx, "csr") }

func (b *bench) onPresent(ctx context.Context, scenario string) error {
	return b.inPairs(ctx, scenario, func(ctx context.Context, p *peer.Peer) error {
		// The runtime as its own guide says, without what the default profile tunes.
		if err := b.upToImages(ctx, "--profile", string(cluster.Kubeadm)); err != nil {
			return err
		}
		opened, err := bundle.Open(ctx, b.bundle, prior.Dir+"/bundle")
		if err != nil {
			return err
		}
		return p.Place(func(name string) (string, error) {
			path, _, err := opened.Binary(name)
			return path, err
		})
	}, func(ctx context.Context, p *peer.Peer) error { return p.Init(ctx) }, func(ctx context.Context) error { return b.upToImages(ctx) })
}

// bare makes clusters on a machine with nothing but the bundle.
func (b *bench) bare(ctx context.Context) error {
	return b.inPairs(ctx, "bare", func(_ context.Context, p *peer.Peer) error {
		return p.Prepare()
	}, func(ctx context.Context, p *peer.Peer) error {
		if err := p.Install(ctx, b.bundle); err != nil {
			return err
		}
		return p.Init(ctx)
	}, func(context.Context) error { return nil })
}

// inPairs makes the reference's cluster and Keelway's by turns. The preparing
// is not timed.
func (b *bench) inPairs(ctx context.Context, scenario string, prepareTheirs, makeTheirs func(context.Context, *peer.Peer) error, prepareOurs func(context.Context) error) error {
	for range b.pairs {
		if !b.alone {
			if err := b.reference(ctx, scenario, prepareTheirs, makeTheirs); err != nil {
				return err
			}
		}
		if err := b.once(ctx, scenario, itself, prepareOurs, func(ctx context.Context) error { return b.up(ctx) }); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) reference(ctx context.Context, scenario string, prepare, build func(context.Context, *peer.Peer) error) error {
	folder, err := b.folder()
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) // it may hold a whole bundle
	p := &peer.Peer{
		Kubeadm: b.kubeadm, Keelway: b.keelway, Host: b.host, Services: b.services,
		Model: b.theirs, Log: b.log, Work: folder, LateNetwork: b.late,
	}
	return b.once(ctx, scenario, theReference,
		func(ctx context.Context) error {
			if err := p.Remember(ctx); err != nil {
				return err
			}
			return prepare(ctx, p)
		},
		func(ctx context.Context) error { return build(ctx, p) })
}

// upToImages is where both sides begin: containerd runs, the images are in it.
func (b *bench) upToImages(ctx context.Context, more ...string) error {
	return b.up(ctx, append(more, "--until", "images")...)
}
