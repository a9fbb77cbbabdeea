package discovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientapi "k8s.io/client-go/tools/clientcmd/api"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
)

// maxFile is the size in bytes up to which a discovery file is read.
const maxFile = 1 << 20

// File believes a kubeconfig: one on the host, or one at an https URL, which
// the certificates that the system trusts vouch for.
func File(ctx context.Context, h host.Host, d config.FileDiscovery, w Wait) (*Trust, error) {
	text, err := fetch(ctx, h, d.KubeConfigPath, w)
	if err != nil {
		return nil, err
	}
	in, err := clientcmd.Load(text)
	if err != nil {
		return nil, fmt.Errorf("the discovery file %s is no kubeconfig: %w", d.KubeConfigPath, err)
	}
	if err := embed(ctx, h, in, path.Dir(d.KubeConfigPath)); err != nil {
		return nil, fmt.Errorf("the discovery file %s: %w", d.KubeConfigPath, err)
	}
	trust, err := only(in)
	if err != nil {
		return nil, fmt.Errorf("the discovery file %s: %w", d.KubeConfigPath, err)
	}
	if c := in.Contexts[in.CurrentContext]; c != nil {
		if u := in.AuthInfos[c.AuthInfo]; u != nil && (len(u.ClientCertificateData) > 0 || u.Token != "" || u.Exec != nil || u.Username != "") {
			trust.User = u
		}
	}
	return trust, nil
}

func fetch(ctx context.Context, h host.Host, from string, w Wait) ([]byte, error) {
	if !strings.HasPrefix(from, "https://") {
		r, err := h.Open(ctx, from)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the discovery file %s does not exist on %s: a control plane's /etc/kubernetes/admin.conf, or the kubeconfig in its ConfigMap kube-public/cluster-info, is one", from, h.Name())
		}
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(io.LimitReader(r, maxFile))
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return h.Dial(ctx, network, address)
		},
	}}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, w.Limit)
	defer cancel()
	for {
		text, err := download(ctx, client, from)
		if err == nil {
			return text, nil
		}
		w.Tell(err.Error())
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the discovery file %s cannot be read: %w", from, err)
		case <-time.After(kube.Pause()):
		}
	}
}

func download(ctx context.Context, client *http.Client, from string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", from, answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, maxFile))
}

// embed reads the files that a kubeconfig refers to.
func embed(ctx context.Context, h host.Host, in *clientapi.Config, dir string) error {
	take := func(name string, into *[]byte) error {
		if name == "" || len(*into) > 0 {
			return nil
		}
		if !path.IsAbs(name) {
			name = path.Join(dir, name)
		}
		r, err := h.Open(ctx, name)
		if err != nil {
			return err
		}
		defer r.Close()
		*into, err = io.ReadAll(io.LimitReader(r, maxFile))
		return err
	}
	for _, c := range in.Clusters {
		if err := take(c.CertificateAuthority, &c.CertificateAuthorityData); err != nil {
			return err
		}
		c.CertificateAuthority = ""
	}
	for _, u := range in.AuthInfos {
		if err := errors.Join(take(u.ClientCertificate, &u.ClientCertificateData), take(u.ClientKey, &u.ClientKeyData)); err != nil {
			return err
		}
		u.ClientCertificate, u.ClientKey = "", ""
		var token []byte
		if err := take(u.TokenFile, &token); err != nil {
			return err
		}
		if len(token) > 0 {
			u.Token, u.TokenFile = strings.TrimSpace(string(token)), ""
		}
	}
	return nil
}
