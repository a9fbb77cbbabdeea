package kube

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"

	"keelway.dev/keelway/internal/host"
)

// The administrators' kubeconfigs, in kubeadm's places.
const (
	SuperAdminConf = "/etc/kubernetes/super-admin.conf"
	AdminConf      = "/etc/kubernetes/admin.conf"
)

// Admin gives clients with the administrator's identity of a control-plane
// host. It keeps the last one, and so its connections, while the kubeconfig
// stays the same.
type Admin struct {
	host host.Host

	mu     sync.Mutex
	data   []byte
	client *Client
}

// NewAdmin returns an Admin of a control-plane host; it opens nothing yet.
func NewAdmin(h host.Host) *Admin { return &Admin{host: h} }

// Client returns a client as super-admin.conf says, or admin.conf where the
// former was taken away. The error matches fs.ErrNotExist when neither exists.
func (a *Admin) Client(ctx context.Context) (*Client, error) {
	data, err := readFile(ctx, a.host, SuperAdminConf)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = readFile(ctx, a.host, AdminConf)
	}
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.client != nil && bytes.Equal(a.data, data) {
		return a.client, nil
	}
	client, err := New(data, a.host)
	if err != nil {
		return nil, err
	}
	a.data, a.client = data, client
	return client, nil
}

func readFile(ctx context.Context, h host.Host, path string) ([]byte, error) {
	r, err := h.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
