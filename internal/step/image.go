package step

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/namespaces"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observe"
)

// kubernetesNamespace is the containerd namespace that the kubelet's CRI uses.
const kubernetesNamespace = "k8s.io"

// images imports images of the bundle and unpacks them, so that a pod's start
// does not wait for it.
func (r *Runner) images(ctx context.Context, images []desired.Image) error {
	refs := map[string]string{}
	for _, i := range images {
		refs[i.Reference] = i.Bundled
	}
	conn, err := observe.DialRuntime(r.Host)
	if err != nil {
		return err
	}
	defer conn.Close()
	client, err := containerd.NewWithConn(conn)
	if err != nil {
		return err
	}
	ctx = namespaces.WithNamespace(ctx, kubernetesNamespace)
	ctx, done, err := client.WithLease(ctx)
	if err != nil {
		return fmt.Errorf("containerd on %s gives no lease: %w", r.Host.Name(), err)
	}
	defer done(context.WithoutCancel(ctx)) //nolint:errcheck // an unreleased lease ends by itself

	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(r.Bundle.WriteImages(pw, refs)) }()
	defer pr.Close()
	imported, err := client.Import(ctx, pr, containerd.WithSkipMissing())
	if err != nil {
		return fmt.Errorf("cannot import %v into containerd on %s: %w", slices.Sorted(maps.Keys(refs)), r.Host.Name(), err)
	}
	for _, i := range imported {
		if err := containerd.NewImage(client, i).Unpack(ctx, ""); err != nil {
			return fmt.Errorf("cannot unpack %s on %s: %w", i.Name, r.Host.Name(), err)
		}
	}
	return nil
}
