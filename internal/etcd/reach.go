package etcd

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
)

// clientURLs is the annotation with which kubeadm marks etcd's static pods.
const clientURLs = "kubeadm.kubernetes.io/etcd.advertise-client-urls"

// Endpoints returns the client URLs of the members that run as static pods,
// sorted, as kubeadm writes them on their pods.
func Endpoints(ctx context.Context, c *kube.Client) ([]string, error) {
	pods, err := c.Typed.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: "component=etcd,tier=control-plane"})
	if err != nil {
		return nil, fmt.Errorf("cannot find etcd's members: %w", err)
	}
	var all []string
	for _, p := range pods.Items {
		for u := range strings.SplitSeq(p.Annotations[clientURLs], ",") {
			if u != "" {
				all = append(all, u)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// ReadTLS reads, from a control plane's folder of etcd's certificates such as
// /etc/kubernetes/pki/etcd, what its health checks connect with.
func ReadTLS(ctx context.Context, h host.Host, dir string) (TLS, error) {
	var t TLS
	for name, into := range map[string]*[]byte{"ca.crt": &t.CA, "healthcheck-client.crt": &t.Cert, "healthcheck-client.key": &t.Key} {
		r, err := h.Open(ctx, path.Join(dir, name))
		if err != nil {
			return TLS{}, fmt.Errorf("cannot speak to etcd: %w", err)
		}
		*into, err = io.ReadAll(r)
		r.Close()
		if err != nil {
			return TLS{}, err
		}
	}
	return t, nil
}
