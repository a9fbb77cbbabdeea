package resident

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/version"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/preflight/subject"
)

// minExternalEtcd is kubeadm's, for 1.37.
const minExternalEtcd = "3.5.24-0"

// etcdPatience is how long an external etcd may take to say its version.
const etcdPatience = 5 * time.Second

// etcdFile is a client's file for an external etcd, as it is on the host or, on
// a control plane that joins with a certificate key, as it will be; "" is none.
func etcdFile(ctx context.Context, s *subject.Subject, path string) (string, error) {
	text, err := s.Text(ctx, path)
	if err != nil || text != "" {
		return text, err
	}
	for _, r := range s.Desired.Resources {
		for _, f := range r.Files {
			if f.Path == path {
				return string(f.Content), nil
			}
		}
	}
	return "", nil
}

// EtcdFiles finds client certificates for an external etcd that are not there.
// Those for an etcd that Keelway makes are made with it.
func EtcdFiles(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	e := s.Model.Cluster.Etcd.External
	if e == nil || !s.ControlPlane() || s.Model.OwnEtcd {
		return nil, nil
	}
	var found []subject.Finding
	for _, file := range []string{e.CAFile, e.CertFile, e.KeyFile} {
		if file == "" {
			continue
		}
		text, err := etcdFile(ctx, s, file)
		if err != nil {
			return nil, err
		}
		if text == "" {
			found = append(found, subject.Finding{Message: fmt.Sprintf("%s doesn't exist on %s, and kube-apiserver needs it to reach the external etcd", file, s.Host.Name())})
		}
	}
	return found, nil
}

// EtcdVersion asks every member of an external etcd for its version.
func EtcdVersion(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	e := s.Model.Cluster.Etcd.External
	if e == nil || !s.ControlPlane() || s.Model.OwnEtcd {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, etcdPatience)
	defer cancel()
	endpoints := e.HTTPEndpoints
	if len(endpoints) == 0 {
		endpoints = e.Endpoints
	}
	client, err := etcdClient(ctx, s, e)
	if err != nil {
		return []subject.Finding{{Message: err.Error()}}, nil
	}
	answers := make([]error, len(endpoints))
	var wg sync.WaitGroup
	for i, url := range endpoints {
		wg.Go(func() { answers[i] = askVersion(ctx, client, strings.TrimRight(url, "/")+"/version") })
	}
	wg.Wait()
	var found []subject.Finding
	for _, err := range answers {
		if err != nil {
			found = append(found, subject.Finding{Message: err.Error()})
		}
	}
	return found, nil
}

func etcdClient(ctx context.Context, s *subject.Subject, e *config.ExternalEtcd) (*http.Client, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if e.CAFile != "" {
		ca, err := etcdFile(ctx, s, e.CAFile)
		if err != nil {
			return nil, err
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM([]byte(ca)) {
			return nil, fmt.Errorf("couldn't load external etcd's server certificate %s: it holds no certificate", e.CAFile)
		}
	}
	if e.CertFile != "" && e.KeyFile != "" {
		cert, err := etcdFile(ctx, s, e.CertFile)
		if err != nil {
			return nil, err
		}
		key, err := etcdFile(ctx, s, e.KeyFile)
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
		if err != nil {
			return nil, fmt.Errorf("couldn't load external etcd's certificate and key pair %s, %s: %w", e.CertFile, e.KeyFile, err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:   t,
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return s.Host.Dial(ctx, network, address)
		},
	}}, nil
}

func askVersion(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("failed to parse external etcd endpoint %s: %w", url, err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("the external etcd does not say its version: %w", err)
	}
	defer resp.Body.Close()
	var answer struct {
		Server string `json:"etcdserver"`
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&answer)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the external etcd does not say its version: %s answered %s", url, resp.Status)
	}
	have, err := version.ParseSemantic(answer.Server)
	if err != nil {
		return fmt.Errorf("couldn't parse external etcd version %q of %s: %w", answer.Server, url, err)
	}
	if have.LessThan(version.MustParseSemantic(minExternalEtcd)) {
		return fmt.Errorf("only external etcd version >= %s is supported, and %s runs %s", minExternalEtcd, url, answer.Server)
	}
	return nil
}
