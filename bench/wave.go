package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"keelway.dev/keelway/bench/signing"
)

// wave is how many nodes join at once.
const wave = 1000

// measureSigning has a wave of nodes ask the cluster for their certificates. The
// token is made by the same program on both sides: it is no part of the time.
func (b *bench) measureSigning(ctx context.Context, who side) error {
	c := exec.CommandContext(ctx, b.keelway, "token", "create", "--kubeconfig", superAdmin)
	c.Stderr = b.log
	token, err := c.Output()
	if err != nil {
		return fmt.Errorf("keelway token create: %w", err)
	}
	admin, err := os.ReadFile(superAdmin)
	if err != nil {
		return err
	}
	took, err := signing.Measure(ctx, b.host, admin, strings.TrimSpace(string(token)), wave)
	if err != nil {
		return err
	}
	b.signings = append(b.signings, signed{who, took})
	b.say("  %-9s signed %d certificates in %.1f s, %.0f a second", who, wave, took.Seconds(), wave/took.Seconds())
	return nil
}
