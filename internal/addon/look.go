package addon

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"keelway.dev/keelway/internal/cluster/addon"
)

// sideBySide is how many questions are asked at once.
const sideBySide = 16

// Look asks the API what applying each of the objects, which must be complete,
// would change. It changes nothing: the API server does it without storing it.
func (c *Cluster) Look(ctx context.Context, objects []addon.Object) (addon.Seen, error) {
	seen := addon.Seen{States: map[addon.Ref]addon.State{}}
	var err error
	if seen.Remembered, err = c.Remembered(ctx); err != nil {
		return seen, err
	}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(sideBySide)
	for _, o := range objects {
		g.Go(func() error {
			s, err := c.state(ctx, o)
			if err != nil {
				return fmt.Errorf("cannot look at %s of %s: %w", o.Ref(), o.At, err)
			}
			if s.Change == "" && !slices.ContainsFunc(seen.Remembered, o.Ref().Same) {
				s.Change = "was not applied by Keelway yet"
			}
			mu.Lock()
			defer mu.Unlock()
			seen.States[o.Ref()] = s
			return nil
		})
	}
	return seen, g.Wait()
}

func (c *Cluster) state(ctx context.Context, o addon.Object) (addon.State, error) {
	api, err := c.resource(o.Ref())
	if meta.IsNoMatchError(err) {
		return addon.State{Change: "is missing"}, nil
	}
	if err != nil {
		return addon.State{}, err
	}
	have, err := api.Get(ctx, o.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return addon.State{Change: "is missing"}, nil
	}
	if err != nil {
		return addon.State{}, err
	}
	s := addon.State{Exists: true}
	then, err := apply(ctx, api, o, true)
	switch {
	case err != nil && ctx.Err() != nil:
		return s, ctx.Err()
	case apierrors.IsInvalid(err) && isJob(o):
		s.Change = "has other pods, and has to run anew"
	case err != nil:
		// A webhook that is down must not keep hosts from being mended.
		s.Change = "cannot be changed as it should be: " + short(err).Error()
	case !owned(have):
		s.Change = "was not applied by Keelway yet"
	default:
		if where, differ := difference(essence(have.Object), essence(then.Object)); differ {
			s.Change = strings.TrimSpace("differs at " + where)
		}
	}
	return s, nil
}

// apply has the server merge an object into what it has, and take over fields
// that others set.
func apply(ctx context.Context, api dynamic.ResourceInterface, o addon.Object, dry bool) (*unstructured.Unstructured, error) {
	force := true
	options := metav1.PatchOptions{FieldManager: manager, Force: &force, FieldValidation: metav1.FieldValidationStrict}
	if dry {
		options.DryRun = []string{metav1.DryRunAll}
	}
	data, err := o.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return api.Patch(ctx, o.GetName(), types.ApplyPatchType, data, options)
}

// owned says whether the object was applied under our name before.
func owned(o *unstructured.Unstructured) bool {
	return slices.ContainsFunc(o.GetManagedFields(), func(f metav1.ManagedFieldsEntry) bool {
		return f.Manager == manager && f.Operation == metav1.ManagedFieldsOperationApply
	})
}

// essence is an object without what the server keeps of its history.
func essence(o map[string]any) map[string]any {
	o = maps.Clone(o)
	delete(o, "status")
	m, _ := o["metadata"].(map[string]any)
	m = maps.Clone(m)
	for _, field := range []string{"managedFields", "resourceVersion", "generation"} {
		delete(m, field)
	}
	o["metadata"] = m
	return o
}

// difference is the path of the first field in which two values differ. It
// holds no value: one may be a secret.
func difference(a, b any) (where string, differ bool) {
	if reflect.DeepEqual(a, b) {
		return "", false
	}
	x, isMap := a.(map[string]any)
	y, both := b.(map[string]any)
	if isMap && both {
		keys := slices.Sorted(maps.Keys(x))
		for key := range y {
			if _, there := x[key]; !there {
				keys = append(keys, key)
			}
		}
		for _, key := range keys {
			if below, differ := difference(x[key], y[key]); differ {
				return joined(key, below), true
			}
		}
	}
	p, isList := a.([]any)
	q, both := b.([]any)
	if isList && both && len(p) == len(q) {
		for i := range p {
			if below, differ := difference(p[i], q[i]); differ {
				return joined(fmt.Sprintf("[%d]", i), below), true
			}
		}
	}
	return "", true
}

func joined(a, b string) string {
	if b == "" || strings.HasPrefix(b, "[") {
		return a + b
	}
	return a + "." + b
}
