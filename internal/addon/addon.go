// Package addon applies the objects that a cluster's owner adds to it, and prunes those that are named no more.
package addon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"

	"keelway.dev/keelway/internal/cluster/addon"
	"keelway.dev/keelway/internal/kube"
)

// Where the names of what was applied are kept, in the cluster itself: without
// them nobody would know what to prune.
const (
	memoryNamespace = metav1.NamespaceSystem
	memoryName      = "keelway-addons"
	memoryKey       = "objects"
)

// Label is on every object that is applied, so that `kubectl get -l` finds them,
// and an object of which nothing else is said has a field that is ours.
const Label = "keelway.dev/addon"

// manager is who owns the fields that are applied.
const manager = "keelway"

// Cluster is the API of one cluster, with the kinds that it serves.
type Cluster struct {
	client *kube.Client
	mapper meta.RESTMapper
}

// New asks nothing yet.
func New(client *kube.Client) *Cluster { return &Cluster{client: client} }

// refresh asks the API which kinds it serves.
func (c *Cluster) refresh() error {
	d, err := discovery.NewDiscoveryClientForConfig(c.client.Config)
	if err != nil {
		return err
	}
	groups, err := restmapper.GetAPIGroupResources(d)
	if err != nil {
		return fmt.Errorf("cannot find out which kinds the API serves: %w", err)
	}
	c.mapper = restmapper.NewDiscoveryRESTMapper(groups)
	return nil
}

// mapping says how the API serves a kind; meta.IsNoMatchError tells that it does not.
func (c *Cluster) mapping(gvk schema.GroupVersionKind) (*meta.RESTMapping, error) {
	if c.mapper == nil {
		if err := c.refresh(); err != nil {
			return nil, err
		}
	}
	return c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
}

// resource is the way to an object.
func (c *Cluster) resource(r addon.Ref) (dynamic.ResourceInterface, error) {
	m, err := c.mapping(r.GroupVersionKind)
	if err != nil {
		return nil, err
	}
	return c.client.Resource(m.Resource, r.Namespace), nil
}

// Complete labels the objects, gives each of a kind that lives in namespaces its
// namespace, "default" where it says none, and takes it from the others.
func (c *Cluster) Complete(objects []addon.Object) ([]addon.Object, error) {
	scopes := definedScopes(objects)
	done := make([]addon.Object, len(objects))
	for i, o := range objects {
		o.Unstructured = *o.DeepCopy()
		labels := o.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		labels[Label] = "applied"
		o.SetLabels(labels)
		done[i] = o
		m, err := c.mapping(o.GroupVersionKind())
		scope, known := scopes[o.GroupVersionKind().GroupKind()]
		switch {
		case err == nil:
			scope, known = m.Scope.Name(), true
		case !meta.IsNoMatchError(err):
			return nil, err
		}
		if known && scope == meta.RESTScopeNameRoot {
			done[i].SetNamespace("")
		} else if known && o.GetNamespace() == "" {
			done[i].SetNamespace(cmp.Or(o.Home, metav1.NamespaceDefault))
		}
	}
	return done, nil
}

// definedScopes are those of the kinds that are defined among the objects.
func definedScopes(objects []addon.Object) map[schema.GroupKind]meta.RESTScopeName {
	scopes := map[schema.GroupKind]meta.RESTScopeName{}
	for _, o := range objects {
		if o.GetKind() != addon.Definition {
			continue
		}
		group, _, _ := unstructured.NestedString(o.Object, "spec", "group")
		kind, _, _ := unstructured.NestedString(o.Object, "spec", "names", "kind")
		scopes[schema.GroupKind{Group: group, Kind: kind}] = meta.RESTScopeNameNamespace
		if scope, _, _ := unstructured.NestedString(o.Object, "spec", "scope"); scope == "Cluster" {
			scopes[schema.GroupKind{Group: group, Kind: kind}] = meta.RESTScopeNameRoot
		}
	}
	return scopes
}

// Remembered are the objects that were applied.
func (c *Cluster) Remembered(ctx context.Context) ([]addon.Ref, error) {
	m, err := c.client.Typed.CoreV1().ConfigMaps(memoryNamespace).Get(ctx, memoryName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var refs []addon.Ref
	for line := range strings.Lines(m.Data[memoryKey]) {
		r, err := addon.ParseRef(strings.TrimSpace(line))
		if err != nil {
			return nil, fmt.Errorf("ConfigMap %s/%s: %w; mend that line, or delete it and remove by hand what it stood for", memoryNamespace, memoryName, err)
		}
		refs = append(refs, r)
	}
	return refs, nil
}

// Remember writes down which objects there are; before any is applied it is
// told of both the old and the new, so that none is ever forgotten.
func (c *Cluster) Remember(ctx context.Context, refs []addon.Ref) error {
	var text strings.Builder
	for _, r := range refs {
		text.WriteString(r.Line() + "\n")
	}
	api := c.client.Typed.CoreV1().ConfigMaps(memoryNamespace)
	m, err := api.Get(ctx, memoryName, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		if len(refs) == 0 {
			return nil
		}
		_, err = api.Create(ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{
				Name: memoryName, Namespace: memoryNamespace,
				Annotations: map[string]string{"keelway.dev/description": "the objects that keelway apply has applied from spec.addons, so that it can prune what is named no more"},
			},
			Data: map[string]string{memoryKey: text.String()},
		}, metav1.CreateOptions{})
	case err == nil && m.Data[memoryKey] != text.String():
		m.Data = map[string]string{memoryKey: text.String()}
		_, err = api.Update(ctx, m, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("cannot write down in ConfigMap %s/%s what is applied: %w", memoryNamespace, memoryName, err)
	}
	return nil
}

// errNotServed is an object of a kind that the API does not know.
var errNotServed = errors.New("the API does not serve this kind")
