// Package kube is a thin client of the Kubernetes API that reaches it through a host.
package kube

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"keelway.dev/keelway/internal/host"
)

// Client speaks to one cluster with the identity of one kubeconfig.
type Client struct {
	Config  *rest.Config
	Typed   kubernetes.Interface
	Dynamic dynamic.Interface
}

// New makes a client from a kubeconfig's bytes.
func New(kubeconfig []byte, h host.Host) (*Client, error) { return NewFor(kubeconfig, h, "") }

// NewFor is New for another server than the kubeconfig names; "" is that one.
func NewFor(kubeconfig []byte, h host.Host, server string) (*Client, error) {
	cfg, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("the kubeconfig cannot be used: %w", err)
	}
	if server != "" {
		cfg.Host = server
	}
	// One operator, a few dozen objects: client-side rate limits would only add seconds.
	cfg.QPS = -1
	cfg.UserAgent = "keelway"
	// The library would print what the API server warns of.
	cfg.WarningHandler = rest.NoWarnings{}
	cfg.Timeout = 10 * time.Second
	if h != nil {
		cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			return h.Dial(ctx, network, address)
		}
	}
	typed, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	dyn, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	return &Client{Config: cfg, Typed: typed, Dynamic: dyn}, nil
}

// Resource is the interface to objects of one kind, in one namespace or, with
// an empty namespace, in the cluster.
func (c *Client) Resource(r schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	if namespace == "" {
		return c.Dynamic.Resource(r)
	}
	return c.Dynamic.Resource(r).Namespace(namespace)
}

// Locate returns the resource and the metadata of an object whose kind is set.
func Locate(o runtime.Object) (schema.GroupVersionResource, metav1.Object, error) {
	m, err := meta.Accessor(o)
	if err != nil {
		return schema.GroupVersionResource{}, nil, err
	}
	gvk := o.GetObjectKind().GroupVersionKind()
	if gvk.Kind == "" {
		return schema.GroupVersionResource{}, nil, fmt.Errorf("object %q has no kind", m.GetName())
	}
	plural, _ := meta.UnsafeGuessKindToResource(gvk)
	return plural, m, nil
}

// Healthz asks a component's health endpoint, such as
// https://127.0.0.1:10257/healthz, and returns whether it answered 200 and
// the words of its answer. The certificate is not verified: the answer is
// shown to people and decides only whether to wait longer.
func Healthz(ctx context.Context, h host.Host, url string) (ok bool, words string) {
	code, words := get(ctx, h, url)
	return code == http.StatusOK, words
}

// Serves returns whether a URL is answered at all, however; if not, words say
// what came instead.
func Serves(ctx context.Context, h host.Host, url string) (ok bool, words string) {
	code, words := get(ctx, h, url)
	return code != 0, words
}

// get returns the status code and the body, or 0 and the error's words.
func get(ctx context.Context, h host.Host, url string) (code int, words string) {
	client := &http.Client{Transport: &http.Transport{
		DialContext:       h.Dial,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
		DisableKeepAlives: true,
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err.Error()
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return resp.StatusCode, string(body)
}

// Typed returns a typed client for a changed configuration.
func Typed(c *rest.Config) (kubernetes.Interface, error) { return kubernetes.NewForConfig(c) }
