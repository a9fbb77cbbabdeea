package subject

import (
	"context"
	"io"
	"path"

	"keelway.dev/keelway/internal/etcd"
)

// EtcdTLS is what the control plane at hand speaks to etcd with.
func (s *Subject) EtcdTLS(ctx context.Context) (t etcd.TLS, err error) {
	external := s.Model.Cluster.Etcd.External
	if external == nil {
		return etcd.ReadTLS(ctx, s.Control, path.Join(s.Model.Cluster.CertificatesDir, "etcd"))
	}
	for _, f := range []struct {
		path string
		into *[]byte
	}{{external.CAFile, &t.CA}, {external.CertFile, &t.Cert}, {external.KeyFile, &t.Key}} {
		if f.path == "" {
			continue
		}
		r, err := s.Control.Open(ctx, f.path)
		if err != nil {
			return etcd.TLS{}, err
		}
		*f.into, err = io.ReadAll(r)
		r.Close()
		if err != nil {
			return etcd.TLS{}, err
		}
	}
	return t, nil
}

// Etcd opens the cluster's etcd, and says which endpoints it has.
func (s *Subject) Etcd(ctx context.Context) (*etcd.Client, []string, error) {
	t, err := s.EtcdTLS(ctx)
	if err != nil {
		return nil, nil, err
	}
	var endpoints []string
	if e := s.Model.Cluster.Etcd.External; e != nil {
		endpoints = e.Endpoints
	} else if endpoints, err = etcd.Endpoints(ctx, s.Client); err != nil {
		return nil, nil, err
	}
	c, err := etcd.Open(s.Control, endpoints, t)
	return c, endpoints, err
}
