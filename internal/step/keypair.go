package step

import (
	"context"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/pki"
)

// keypair makes a bare key pair, or only the public half when the private one is there.
func (r *Runner) keypair(ctx context.Context, k desired.Keypair) error {
	if private, err := r.read(ctx, k.Private); err == nil {
		if public, err := pki.PublicKey(private); err == nil {
			return r.put(ctx, k.Public, modePrivate, public)
		}
	}
	private, public, err := pki.IssueKeypair(r.Random, k.Algorithm)
	if err != nil {
		return err
	}
	if err := r.put(ctx, k.Private, modePrivate, private); err != nil {
		return err
	}
	return r.put(ctx, k.Public, modePrivate, public)
}
