package step

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/opencontainers/go-digest"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observe"
)

// kubernetesNamespace is the containerd namespace that the kubelet's CRI uses.
const kubernetesNamespace = "k8s.io"

// images brings images of the bundle into the runtime and unpacks them, so that
// a pod's start does not wait for it.
func (r *Runner) images(ctx context.Context, images []desired.Image) error {
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

	bring := r.importAll
	if r.Near != nil {
		bring = r.pullAll
	}
	if err := bring(ctx, client, images); err != nil {
		return err
	}
	for _, i := range images {
		one, err := client.GetImage(ctx, i.Reference)
		if err == nil {
			err = one.Unpack(ctx, "")
		}
		if err != nil {
			return fmt.Errorf("cannot unpack %s on %s: %w", i.Reference, r.Host.Name(), err)
		}
	}
	return nil
}

// importAll sends the images over the connection to the host, without the
// layers that are there: kube-proxy's largest is the control plane's.
func (r *Runner) importAll(ctx context.Context, client *containerd.Client, images []desired.Image) error {
	refs := map[string]string{}
	for _, i := range images {
		refs[i.Reference] = i.Bundled
	}
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(r.Bundle.WriteImages(pw, refs, held(ctx, client))) }()
	defer pr.Close()
	if _, err := client.Import(ctx, pr, containerd.WithSkipMissing()); err != nil {
		return fmt.Errorf("cannot import %v into containerd on %s: %w", slices.Sorted(maps.Keys(refs)), r.Host.Name(), err)
	}
	return nil
}

// held tells whether the runtime has a layer. It is made the lease's first, so
// that the runtime does not throw it away before an image refers to it.
func held(ctx context.Context, client *containerd.Client) func(layer string) bool {
	lease, _ := leases.FromContext(ctx)
	return func(layer string) bool {
		sum := digest.NewDigestFromEncoded(digest.SHA256, layer)
		err := client.LeasesService().AddResource(ctx, leases.Lease{ID: lease}, leases.Resource{ID: sum.String(), Type: "content"})
		if err == nil {
			_, err = client.ContentStore().Info(ctx, sum)
		}
		return err == nil
	}
}
