package main

import (
	"context"

	"keelway.dev/keelway/bench/peer"
	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/prior"
)

// present makes clusters on a machine whose runtime runs and has the images.
func (b *bench) present(ctx context.Context) error {
	for range b.pairs {
		p, err := b.peer()
		if err != nil {
			return err
		}
		err = b.once(ctx, "present", theReference, func(ctx context.Context) error {
			if err := b.upToImages(ctx); err != nil {
				return err
			}
			opened, err := bundle.Open(ctx, b.bundle, prior.Dir+"/bundle")
			if err != nil {
				return err
			}
			return p.Place(ctx, func(name string) (string, error) {
				path, _, err := opened.Binary(name)
				return path, err
			})
		}, p.Init)
		if err != nil {
			return err
		}
		if err := b.once(ctx, "present", itself, b.upToImages, func(ctx context.Context) error { return b.up(ctx) }); err != nil {
			return err
		}
	}
	return nil
}

// upToImages is where both sides begin: containerd runs, the images are in it.
func (b *bench) upToImages(ctx context.Context) error {
	// Forwarding is set in a later phase, which kubeadm's check does not know.
	return b.up(ctx, "--until", "images", "--ignore-preflight-errors", "FileContent--proc-sys-net-ipv4-ip_forward")
}

// bare makes clusters on a machine with nothing but the bundle.
func (b *bench) bare(ctx context.Context) error {
	for range b.pairs {
		p, err := b.peer()
		if err != nil {
			return err
		}
		err = b.once(ctx, "bare", theReference, p.Prepare, func(ctx context.Context) error {
			if err := p.Install(ctx, b.bundle); err != nil {
				return err
			}
			return p.Init(ctx)
		})
		if err != nil {
			return err
		}
		nothing := func(context.Context) error { return nil }
		if err := b.once(ctx, "bare", itself, nothing, func(ctx context.Context) error { return b.up(ctx) }); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) peer() (*peer.Peer, error) {
	folder, err := b.folder()
	if err != nil {
		return nil, err
	}
	return &peer.Peer{
		Kubeadm: b.kubeadm, Keelway: b.keelway, Host: b.host, Services: b.services,
		Model: b.theirs, Log: b.log, Work: folder,
	}, nil
}
