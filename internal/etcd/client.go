// Package etcd is a thin client of etcd that reaches it through a host.
package etcd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"keelway.dev/keelway/internal/host"
)

const (
	// answer is how long one request may take. A server without a leader
	// answers after 7 s that it has none (5 s and two elections).
	answer = 10 * time.Second
	// change is how long one try to change the members may take: raft makes one
	// change at a time, and drops another one in silence.
	change = 3 * time.Second
	// again is the pause before a request is repeated.
	again = 250 * time.Millisecond
)

// Client speaks to the members of one etcd cluster.
type Client struct {
	host      host.Host
	endpoints []string
	tls       TLS
	client    *clientv3.Client
}

// TLS is what the connection is made with, as PEM. All empty means none, for
// endpoints that begin with http://.
type TLS struct{ CA, Cert, Key []byte }

// Open makes a client of the members at endpoints, such as
// https://192.0.2.11:2379. No connection is made yet.
func Open(h host.Host, endpoints []string, t TLS) (*Client, error) {
	cannot := func(err error) (*Client, error) {
		return nil, fmt.Errorf("cannot reach etcd from %s: %w", h.Name(), err)
	}
	if len(endpoints) == 0 {
		return cannot(errors.New("no endpoint is known: name at least one, such as https://192.0.2.11:2379"))
	}
	config, err := t.config()
	if err != nil {
		return cannot(err)
	}
	for _, e := range endpoints {
		if strings.HasPrefix(e, "https://") != (config != nil) {
			return cannot(fmt.Errorf("endpoint %s begins with https:// if there are certificates to use, and with http:// if there are none", e))
		}
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints: endpoints,
		TLS:       config,
		// What is repeated, and how long, is decided in attempt.go.
		MaxUnaryRetries:      1,
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: 5 * time.Second,
		Logger:               zap.NewNop(),
		DialOptions: []grpc.DialOption{
			grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
				if path, ok := strings.CutPrefix(address, "unix:"); ok {
					return h.Dial(ctx, "unix", strings.TrimPrefix(path, "//"))
				}
				return h.Dial(ctx, "tcp", address)
			}),
			// The library waits for a connection in silence; we want to hear why there is none.
			grpc.WithChainUnaryInterceptor(func(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				return invoke(ctx, method, req, reply, conn, append(opts, grpc.WaitForReady(false))...)
			}),
			// A member that starts is found within two seconds, not within two minutes.
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff:           backoff.Config{BaseDelay: again, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
				MinConnectTimeout: 5 * time.Second,
			}),
		},
	})
	if err != nil {
		return cannot(err)
	}
	return &Client{host: h, endpoints: endpoints, tls: t, client: client}, nil
}

// Close ends the connections.
func (c *Client) Close() error {
	// It reports its own cancelled context otherwise.
	if err := c.client.Close(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// config is nil without certificates.
func (t TLS) config() (*tls.Config, error) {
	if len(t.CA) == 0 && len(t.Cert) == 0 && len(t.Key) == 0 {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(t.CA) {
		return nil, errors.New("the CA holds no certificate: it is etcd's own, /etc/kubernetes/pki/etcd/ca.crt")
	}
	config := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	if len(t.Cert) == 0 && len(t.Key) == 0 {
		return config, nil
	}
	pair, err := tls.X509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, fmt.Errorf("the client certificate and its key do not fit: %w", err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}
