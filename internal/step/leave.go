package step

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/etcd"
	"keelway.dev/keelway/internal/observe"
)

// leaveLimit is how long etcd may take to remove a member: of several that leave
// at once, one goes after the other.
const leaveLimit = 2 * time.Minute

// leave takes the member out of its cluster through the others, and then marks
// its data.
func (r *Runner) leave(ctx context.Context, l desired.Leave) error {
	if l.Member != 0 {
		tls, err := etcd.ReadTLS(ctx, r.Host, l.Certs)
		if err != nil {
			return err
		}
		c, err := etcd.Open(r.Host, l.Through, tls)
		if err != nil {
			return err
		}
		defer c.Close()
		bounded, cancel := context.WithTimeout(ctx, leaveLimit)
		defer cancel()
		if err := c.Remove(bounded, l.Member); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("keelway gave this data up at %s: `keelway reset` may remove it.\n", r.Now().UTC().Format(time.RFC3339))
	return r.put(ctx, l.Mark, modePrivate, []byte(text))
}

// endStatic removes static pods' files and waits until their pods have ended,
// which the kubelet does. One that it leaves is stopped here.
func (r *Runner) endStatic(ctx context.Context, manifests []string) error {
	for _, m := range manifests {
		if err := r.Host.Remove(ctx, m); err != nil {
			return err
		}
	}
	return r.stopPods(ctx, observe.EtcdPod())
}

// stopPods stops and removes every sandbox of a filter with its containers,
// side by side, and looks again until there is none: what the kubelet asked for
// last may have become a sandbox only after it ended.
func (r *Runner) stopPods(ctx context.Context, filter *cri.PodSandboxFilter) error {
	conn, err := observe.DialRuntimeAt(r.Host, r.Socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	api := cri.NewRuntimeServiceClient(conn)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		list, err := api.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{Filter: filter})
		if err != nil {
			return fmt.Errorf("cannot list the pod sandboxes on %s: %w", r.Host.Name(), err)
		}
		if len(list.Items) == 0 {
			return nil
		}
		g, ctx := errgroup.WithContext(ctx)
		for _, s := range list.Items {
			g.Go(func() error { return removeSandbox(ctx, api, s.Id) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
}

func removeSandbox(ctx context.Context, api cri.RuntimeServiceClient, id string) error {
	if _, err := api.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: id}); err != nil {
		return fmt.Errorf("cannot stop pod sandbox %s: %w", id, err)
	}
	if _, err := api.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: id}); err != nil {
		return fmt.Errorf("cannot remove pod sandbox %s: %w", id, err)
	}
	return nil
}
