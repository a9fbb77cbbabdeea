// Package signing measures how long a cluster takes to sign the certificates that a wave of joining kubelets asks for.
package signing

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	authentication "k8s.io/api/authentication/v1"
	certificates "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/clientcmd"
	clientapi "k8s.io/client-go/tools/clientcmd/api"

	"keelway.dev/keelway/internal/discovery"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
)

// atOnce is how many kubelets are about to send their request in one moment.
const atOnce = 100

// Measure has so many nodes ask for their first client certificate as kubelets
// do: each with a key and a connection of its own, and with the bootstrap token
// that they share. It returns the time from the first request until the cluster
// has approved and signed the last. The keys are made before, as they are on
// machines of their own. admin is the administrator's kubeconfig; h is the
// machine that asks.
func Measure(ctx context.Context, h host.Host, admin []byte, token string, count int) (time.Duration, error) {
	conf, err := clientcmd.RESTConfigFromKubeConfig(admin)
	if err != nil {
		return 0, err
	}
	text, err := discovery.Kubeconfig(conf.Host, conf.CAData, "tls-bootstrap-token-user", &clientapi.AuthInfo{Token: token})
	if err != nil {
		return 0, err
	}
	if err := known(ctx, h, text); err != nil {
		return 0, err
	}
	requests := map[string]*Request{}
	for i := range count {
		name := fmt.Sprintf("bench-node-%04d", i)
		if requests[name], err = NewRequest(name); err != nil {
			return 0, err
		}
	}
	administrator, err := Client(admin, h)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	asking, asked := errgroup.WithContext(ctx)
	asking.Go(func() error { return sendAll(asked, h, text, requests) })
	asking.Go(func() error { return wait(asked, administrator, requests) })
	err = asking.Wait()
	return time.Since(began), err
}

// known waits until the API server takes the token, which was just made.
func known(ctx context.Context, h host.Host, kubeconfig []byte) error {
	c, err := kube.New(kubeconfig, h)
	if err != nil {
		return err
	}
	for {
		_, err := c.Typed.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authentication.SelfSubjectReview{}, metav1.CreateOptions{})
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the API server does not take the bootstrap token: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// sendAll sends every request through a client of its own.
func sendAll(ctx context.Context, h host.Host, kubeconfig []byte, requests map[string]*Request) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, r := range requests {
		group.Go(func() error {
			c, err := Client(kubeconfig, h)
			if err != nil {
				return err
			}
			_, err = r.Send(ctx, c)
			return err
		})
	}
	return group.Wait()
}

// wait returns when every request is signed, each with the right certificate. It
// watches them as the administrator. A watch tells first of all that is there, so
// that one which the API server ended, because it was read too slowly, is begun again.
func wait(ctx context.Context, c *kube.Client, requests map[string]*Request) error {
	signed := map[string]bool{}
	for ctx.Err() == nil {
		seen, err := c.Typed.CertificatesV1().CertificateSigningRequests().Watch(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		err = read(seen, requests, signed)
		seen.Stop()
		if err != nil || len(signed) == len(requests) {
			return err
		}
	}
	return fmt.Errorf("%d of %d requests were signed: %w", len(signed), len(requests), ctx.Err())
}

// read notes what a watch tells as signed, until it ends or nothing is missing.
func read(seen watch.Interface, requests map[string]*Request, signed map[string]bool) error {
	for e := range seen.ResultChan() {
		c, is := e.Object.(*certificates.CertificateSigningRequest)
		if !is || requests[c.Name] == nil || len(c.Status.Certificate) == 0 {
			continue
		}
		if err := requests[c.Name].Check(c.Status.Certificate); err != nil {
			return err
		}
		signed[c.Name] = true
		if len(signed) == len(requests) {
			return nil
		}
	}
	return nil
}
