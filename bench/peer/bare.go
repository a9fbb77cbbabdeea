package peer

import (
	"context"
	"fmt"
	"io"
	"time"

	ctr "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/namespaces"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observe"
)

// Prepare puts on a bare machine what stands for its init system. It is no
// part of what is measured.
func (p *Peer) Prepare() error {
	if p.Services.Kind() == "systemd" {
		return nil
	}
	return copyFile(p.Keelway, desired.SelfPath, 0o755)
}

// Install makes a bare machine one that kubeadm init can be run on, from the
// bundle's file: unpack it, copy programs and files, start containerd, import
// the images.
func (p *Peer) Install(ctx context.Context, file string) error {
	unpacked, err := unpack(ctx, file, p.work("bundle"))
	if err != nil {
		return fmt.Errorf("unpack %s: %w", file, err)
	}
	if err := p.put(runtimePart(), unpacked.program); err != nil {
		return err
	}
	if err := p.put(p.nodePart(), unpacked.program); err != nil {
		return err
	}
	if err := p.forward(); err != nil {
		return err
	}
	if err := p.Services.Start(ctx, desired.RuntimeService); err != nil {
		return err
	}
	return p.importImages(ctx, &bundle.Bundle{Manifest: unpacked.manifest, Folder: unpacked.folder})
}

// importImages is `ctr --namespace k8s.io image import` of one archive an
// image, one after the other, each unpacked at once. The archives are made
// while they are read, from the unpacked bundle. Layers that were imported with
// an earlier image are not unpacked again.
func (p *Peer) importImages(ctx context.Context, b *bundle.Bundle) error {
	ctx = namespaces.WithNamespace(ctx, "k8s.io")
	conn, err := observe.DialRuntime(p.Host)
	if err != nil {
		return err
	}
	defer conn.Close()
	client, err := ctr.NewWithConn(conn)
	if err != nil {
		return err
	}
	for _, reference := range p.images() {
		began := time.Now()
		if err := importImage(ctx, client, b, reference); err != nil {
			return fmt.Errorf("import %s: %w", reference, err)
		}
		fmt.Fprintf(p.Log, "imported %s in %.1f s\n", reference, time.Since(began).Seconds())
	}
	return nil
}

func (p *Peer) images() []string {
	if p.Images != nil {
		return p.Images
	}
	return desired.Images(p.Model)
}

func importImage(ctx context.Context, client *ctr.Client, b *bundle.Bundle, reference string) error {
	ctx, done, err := client.WithLease(ctx)
	if err != nil {
		return err
	}
	defer done(context.WithoutCancel(ctx)) //nolint:errcheck // an unreleased lease ends by itself
	r, w := io.Pipe()
	go func() { w.CloseWithError(b.WriteImages(w, map[string]string{reference: reference}, nil)) }()
	defer r.Close()
	imported, err := client.Import(ctx, r, ctr.WithSkipMissing())
	if err != nil {
		return err
	}
	for _, i := range imported {
		if err := ctr.NewImage(client, i).Unpack(ctx, ""); err != nil {
			return err
		}
	}
	return nil
}
