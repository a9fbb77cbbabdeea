package observe

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observed"
)

// Cluster is how the API is reached: Client returns a client, or an error
// while there is no kubeconfig or no answer.
type Cluster struct {
	Client func(ctx context.Context) (*kube.Client, error)
}

// objects reads every object that want names. Any error other than "not
// found" means that the API did not answer.
func (c Cluster) objects(ctx context.Context, want desired.Host) (map[string]*unstructured.Unstructured, error) {
	if c.Client == nil {
		return nil, errors.New("no way to reach the API")
	}
	client, err := c.Client(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	seen := map[string]*unstructured.Unstructured{}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for _, r := range want.Resources {
		objects := r.Objects
		if r.Upload != nil {
			objects = []desired.Object{{Object: r.Upload.Secret()}}
		}
		for _, o := range objects {
			g.Go(func() error {
				res, meta, err := kube.Locate(o.Object)
				if err != nil {
					return fmt.Errorf("%s: %w", r.ID, err)
				}
				have, err := client.Resource(res, meta.GetNamespace()).Get(ctx, meta.GetName(), metav1.GetOptions{})
				if apierrors.IsNotFound(err) {
					return nil
				}
				if err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				seen[observed.ObjectKey(o.Object.GetObjectKind().GroupVersionKind().Kind, meta.GetNamespace(), meta.GetName())] = have
				return nil
			})
		}
	}
	return seen, g.Wait()
}
