package kube

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"
	"time"

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

	mu sync.Mutex
	// path, when set, is the only kubeconfig; server is called instead of the
	// one that a kubeconfig names.
	path, server string
	data         []byte
	client       *Client
	read         time.Time
}

// fresh is how long a kubeconfig that was read stands for the one that is there:
// a look at hundreds of machines needs a client many times a second.
const fresh = time.Second

// Use has it take the kubeconfig at a path, "" for the usual ones, and call a
// server, "" for the one that the kubeconfig names. `init` calls the API server
// of its own machine: nothing stands behind the shared endpoint yet.
func (a *Admin) Use(path, server string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.path, a.server, a.client = path, server, nil
}

// NewAdmin returns an Admin of a control-plane host; it opens nothing yet.
func NewAdmin(h host.Host) *Admin { return &Admin{host: h} }

// Client returns a client as super-admin.conf says, or admin.conf where the
// former was taken away. The error matches fs.ErrNotExist when neither exists.
func (a *Admin) Client(ctx context.Context) (*Client, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.client != nil && time.Since(a.read) < fresh {
		return a.client, nil
	}
	began := time.Now()
	var data []byte
	var err error
	if a.path != "" {
		data, err = readFile(ctx, a.host, a.path)
	} else if data, err = readFile(ctx, a.host, SuperAdminConf); errors.Is(err, fs.ErrNotExist) {
		data, err = readFile(ctx, a.host, AdminConf)
	}
	if err != nil {
		return nil, err
	}
	if a.client != nil && bytes.Equal(a.data, data) {
		a.read = began
		return a.client, nil
	}
	client, err := NewFor(data, a.host, a.server)
	if err != nil {
		return nil, err
	}
	a.data, a.client, a.read = data, client, began
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
