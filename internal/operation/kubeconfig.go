package operation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/report"
)

// contextName is what the cluster is called in the user's own kubeconfig.
const contextName = "keelway"

// shareKubeconfig adds the cluster to the user's own kubeconfig as the context
// "keelway", and leaves all else in it: other clusters, and the current
// context where there is one.
func (m *Machine) shareKubeconfig(ctx context.Context, path string) error {
	admin, err := m.readConfig(ctx, kube.AdminConf)
	if err != nil {
		return err
	}
	own, err := m.readConfig(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		own = api.NewConfig()
	} else if err != nil {
		return fmt.Errorf("cannot add the cluster to %s: %w; repair the file, or use --kubeconfig=%s", path, err, kube.AdminConf)
	}
	from := admin.Contexts[admin.CurrentContext]
	if from == nil {
		return fmt.Errorf("%s has no current context", kube.AdminConf)
	}
	own.Clusters[contextName] = admin.Clusters[from.Cluster]
	own.AuthInfos[contextName] = admin.AuthInfos[from.AuthInfo]
	have := own.Contexts[contextName]
	next := &api.Context{Cluster: contextName, AuthInfo: contextName}
	if have != nil {
		next.Namespace = have.Namespace
	}
	own.Contexts[contextName] = next
	if own.CurrentContext == "" {
		own.CurrentContext = contextName
	} else if own.CurrentContext != contextName {
		m.emit(report.Event{Kind: report.Note, What: fmt.Sprintf("%s keeps its current context %s: use `kubectl --context %s`", path, own.CurrentContext, contextName)})
	}
	if err := m.Prior.Remember(ctx, []string{filepath.Dir(path)}, nil); err != nil {
		return err
	}
	return m.writeConfig(ctx, path, own)
}

// unshareKubeconfig takes the cluster out of the user's kubeconfig, if it is
// this cluster that stands there.
func (m *Machine) unshareKubeconfig(ctx context.Context, path string, caData []byte) error {
	own, err := m.readConfig(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	c := own.Clusters[contextName]
	if c == nil || !bytes.Equal(c.CertificateAuthorityData, caData) {
		return nil
	}
	delete(own.Clusters, contextName)
	delete(own.AuthInfos, contextName)
	delete(own.Contexts, contextName)
	if own.CurrentContext == contextName {
		own.CurrentContext = ""
	}
	if len(own.Clusters)+len(own.Contexts)+len(own.AuthInfos) == 0 {
		return m.Host.Remove(ctx, path)
	}
	return m.writeConfig(ctx, path, own)
}

func (m *Machine) readConfig(ctx context.Context, path string) (*api.Config, error) {
	r, err := m.Host.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	c, err := clientcmd.Load(data)
	if err != nil {
		return nil, fmt.Errorf("%s is not a kubeconfig: %w", path, err)
	}
	return c, nil
}

// writeConfig writes only when something changed, so that a second run leaves
// the file's time as it is.
func (m *Machine) writeConfig(ctx context.Context, path string, c *api.Config) error {
	data, err := clientcmd.Write(*c)
	if err != nil {
		return err
	}
	e := host.Entry{Path: path, Mode: 0o600}
	if have, err := m.Host.Stat(ctx, path); err == nil {
		e.Mode, e.UID, e.GID = have.Mode.Perm(), have.UID, have.GID
		if r, err := m.Host.Open(ctx, path); err == nil {
			defer r.Close()
			if old, err := io.ReadAll(r); err == nil && bytes.Equal(old, data) {
				return nil
			}
		}
	}
	return m.Host.Put(ctx, e, bytes.NewReader(data))
}
