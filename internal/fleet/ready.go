package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/plan"
)

// preflight checks machines that are not part of the cluster yet, once.
func (f *Fleet) preflight(ctx context.Context, p plan.Fleet, checked map[string]bool) error {
	var mu sync.Mutex
	var unfit []error
	var wg sync.WaitGroup
	for _, s := range p.Stages {
		for _, n := range f.hosts(p, s.Name) {
			if n.asked || n.part == plan.Balancer || n.etcdAlone() && n.member || checked[n.name()] {
				continue
			}
			checked[n.name()] = true
			wg.Go(func() {
				o := operation.UpOptions{IgnorePreflight: f.IgnorePreflight, Built: f.Built}
				o.Cluster.AdvertiseAddress = n.Host.NodeAddress // the file chose it
				if err := n.machine.Check(ctx, n.model, n.want, o); err != nil {
					mu.Lock()
					defer mu.Unlock()
					unfit = append(unfit, fmt.Errorf("%s: %w", n.name(), err))
				}
			})
		}
	}
	wg.Wait()
	return errors.Join(unfit...)
}

// tokenLife is how long the token of an apply is good for; it is deleted when
// the apply ends.
const tokenLife = time.Hour

// needToken makes a bootstrap token where a worker has to join.
func (f *Fleet) needToken(ctx context.Context) error {
	if f.seed == nil || !slices.ContainsFunc(f.nodes, func(n *node) bool { return n.lost == nil && n.isNode() && !n.main() && !n.node }) {
		return nil
	}
	return f.makeToken(ctx, f.seed)
}

// makeToken makes the apply's one token, by a control plane that serves the API.
func (f *Fleet) makeToken(ctx context.Context, serving *node) error {
	if f.token != "" {
		return nil
	}
	client, err := serving.machine.Client.Client(ctx)
	if err != nil {
		return err
	}
	token := operation.NewToken()
	t := config.BootstrapToken{Token: &token, TTL: &metav1.Duration{Duration: tokenLife}, Description: "for the machines that `keelway apply` is adding"}
	config.DefaultToken(&t)
	if _, err := client.Typed.CoreV1().Secrets(metav1.NamespaceSystem).Create(ctx, config.TokenSecret(t, f.Now()), metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("cannot make a token for the workers: %w", err)
	}
	f.token, f.issuer = token.String(), serving
	return nil
}

func (f *Fleet) dropToken(ctx context.Context) {
	if f.token == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if client, err := f.issuer.machine.Client.Client(ctx); err == nil {
		id, _, _ := strings.Cut(f.token, ".")
		_ = client.Typed.CoreV1().Secrets(metav1.NamespaceSystem).Delete(ctx, "bootstrap-token-"+id, metav1.DeleteOptions{})
	}
}

// unreached counts machines that cannot be reached as failed: nobody knows what
// is on them.
func (f *Fleet) unreached(r *Result) {
	for _, n := range f.nodes {
		if n.lost != nil && r.Failed[n.name()] == nil {
			r.Failed[n.name()] = n.lost
		}
	}
}

// makes is the machine that the cluster is made on.
func (f *Fleet) makes() *node {
	for _, n := range f.nodes {
		if n.part == plan.First && n.lost == nil {
			return n
		}
	}
	return nil
}
