package addon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/dynamic"

	"keelway.dev/keelway/internal/cluster/addon"
)

// How long it is tried again, and how often.
const (
	// patience is for an API server or webhook that is not ready for an object.
	patience = 2 * time.Minute
	pace     = 500 * time.Millisecond
)

// Apply applies objects in their order. waiting is told what the server answers
// while it is not ready for one.
func (c *Cluster) Apply(ctx context.Context, objects []addon.Object, waiting func(string)) error {
	for _, o := range objects {
		err := c.until(ctx, waiting, func() (string, error) {
			err := c.one(ctx, o)
			if err != nil && passing(err) {
				return short(err).Error(), nil
			}
			return "", err
		})
		if err != nil {
			return fmt.Errorf("cannot apply %s of %s: %w", o.Ref(), o.At, short(err))
		}
	}
	return nil
}

func (c *Cluster) one(ctx context.Context, o addon.Object) error {
	api, err := c.resource(o.Ref())
	if meta.IsNoMatchError(err) {
		// One that an operator defines, or that was just defined.
		if err := c.refresh(); err != nil {
			return err
		}
		if api, err = c.resource(o.Ref()); meta.IsNoMatchError(err) {
			return errNotServed
		}
	}
	if err != nil {
		return err
	}
	_, err = apply(ctx, api, o, false)
	if apierrors.IsInvalid(err) && isJob(o) {
		// A Job's pods cannot be changed: another one has to run.
		if err := remove(ctx, api, o.GetName()); err != nil {
			return err
		}
		_, err = apply(ctx, api, o, false)
	}
	return err
}

func isJob(o addon.Object) bool { return o.GroupVersionKind().GroupKind().String() == "Job.batch" }

// short is the server's refusal of an object without the values that it repeats:
// one may be a secret.
func short(err error) error {
	var s apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &s) || s.Status().Details == nil {
		return err
	}
	var words []string
	for _, c := range s.Status().Details.Causes {
		words = append(words, c.Field+": "+c.Message[strings.LastIndex(c.Message, ": ")+1:])
	}
	return errors.New("the API server refuses it: " + strings.Join(strings.Fields(strings.Join(words, "; ")), " "))
}

// passing is true for answers that another try may not get.
func passing(err error) bool {
	return errors.Is(err, errNotServed) ||
		apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err) || apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) ||
		apierrors.IsNotFound(err) || // the namespace, or the identity that comes with it
		utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) || utilnet.IsProbableEOF(err) || utilnet.IsTimeout(err)
}

// until tries until there is nothing to wait for, an error, or no patience left.
func (c *Cluster) until(ctx context.Context, waiting func(string), try func() (still string, err error)) error {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		still, err := try()
		if err != nil || still == "" {
			return err
		}
		waiting(still)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			return fmt.Errorf("after %s still: %s", patience, still)
		case <-time.After(pace):
		}
	}
}

// Establish waits until the API serves the kinds that definitions define.
func (c *Cluster) Establish(ctx context.Context, definitions []addon.Object, waiting func(string)) error {
	for _, d := range definitions {
		api, err := c.resource(d.Ref())
		if err != nil {
			return err
		}
		err = c.until(ctx, waiting, func() (string, error) {
			have, err := api.Get(ctx, d.GetName(), metav1.GetOptions{})
			if err != nil {
				return "", err
			}
			return unestablished(have), nil
		})
		if err != nil {
			return fmt.Errorf("the API does not serve %s of %s: %w", d.GetName(), d.At, err)
		}
	}
	return c.refresh()
}

// unestablished says what keeps a definition from being served; "" is nothing.
func unestablished(o *unstructured.Unstructured) string {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	why := "the API server has not taken it up yet"
	for _, one := range conditions {
		c, _ := one.(map[string]any)
		switch {
		case c["type"] == "Established" && c["status"] == "True":
			return ""
		case c["type"] == "NamesAccepted" && c["status"] == "False":
			why = fmt.Sprint(c["message"])
		}
	}
	return why
}

// Prune removes objects in their order, and forgets each. One that is not ours
// any more, because others made it anew, is only forgotten.
func (c *Cluster) Prune(ctx context.Context, refs []addon.Ref, waiting func(string)) error {
	for _, r := range refs {
		api, err := c.resource(r)
		if meta.IsNoMatchError(err) {
			continue // gone with its definition
		}
		if err != nil {
			return err
		}
		have, err := api.Get(ctx, r.Name, metav1.GetOptions{})
		if err == nil && owned(have) {
			err = remove(ctx, api, r.Name)
		}
		if err == nil && (r.Custom() || r.Kind == addon.Namespace || r.Kind == addon.Definition) {
			// Who cleans up after it may be the next to go, and it cannot be made
			// anew meanwhile.
			err = c.until(ctx, waiting, func() (string, error) {
				have, err := api.Get(ctx, r.Name, metav1.GetOptions{})
				if apierrors.IsNotFound(err) || err == nil && !owned(have) {
					return "", nil
				}
				if err != nil {
					return "", err
				}
				return fmt.Sprintf("it is being removed, with its finalizers %v", have.GetFinalizers()), nil
			})
		}
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("cannot remove %s: %w", r, err)
		}
	}
	return c.forget(ctx, refs)
}

func (c *Cluster) forget(ctx context.Context, refs []addon.Ref) error {
	all, err := c.Remembered(ctx)
	if err != nil {
		return err
	}
	return c.Remember(ctx, slices.DeleteFunc(all, func(r addon.Ref) bool { return slices.ContainsFunc(refs, r.Same) }))
}

func remove(ctx context.Context, api dynamic.ResourceInterface, name string) error {
	background := metav1.DeletePropagationBackground
	err := api.Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: &background})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
