package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
	"sigs.k8s.io/yaml"
)

// The cluster file, as far as a lab's hosts fill it in. Every field has the name
// that `keelway plan -f` reads.
type (
	clusterFile struct {
		APIVersion string   `json:"apiVersion"`
		Kind       string   `json:"kind"`
		Metadata   fileMeta `json:"metadata"`
		Spec       fileSpec `json:"spec"`
	}
	fileMeta struct {
		Name string `json:"name"`
	}
	fileSpec struct {
		KubernetesVersion string `json:"kubernetesVersion"`
		// Endpoint is where clients reach the API, "host:port"; without load
		// balancers it is left to the cluster file's default.
		Endpoint string     `json:"endpoint,omitempty"`
		Hosts    []fileHost `json:"hosts"`
	}
	fileHost struct {
		Name    string  `json:"name"`
		Address string  `json:"address"`
		Roles   []Role  `json:"roles"`
		SSH     fileSSH `json:"ssh"`
	}
	fileSSH struct {
		User    string `json:"user"`
		Port    int    `json:"port"`
		KeyFile string `json:"keyFile"`
		// HostKey is the public key that the host must have, so that no first
		// sight is trusted.
		HostKey string `json:"hostKey"`
	}
)

// ClusterFile is a cluster file (YAML) for the lab's hosts, with their host keys
// pinned, for a Kubernetes version such as "v1.37.0". It holds no secret: the
// SSH key is named by its path.
func (l *Lab) ClusterFile(kubernetes string) ([]byte, error) {
	var keys []string
	for _, h := range l.Hosts {
		data, err := os.ReadFile(filepath.Join(l.hostDir(h), "host_key"))
		if err != nil {
			return nil, fmt.Errorf("cannot read the host key of %s: %w; run `keelway lab create` again", h.Name, err)
		}
		key, err := ssh.ParsePrivateKey(data)
		if err != nil {
			return nil, fmt.Errorf("the host key of %s: %w", h.Name, err)
		}
		keys = append(keys, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.PublicKey()))))
	}
	return l.clusterFile(kubernetes, keys)
}

// clusterFile is ClusterFile with the public key of each host, in their order.
func (l *Lab) clusterFile(kubernetes string, keys []string) ([]byte, error) {
	f := clusterFile{APIVersion: "keelway.dev/v1", Kind: "Cluster", Metadata: fileMeta{l.Name}, Spec: fileSpec{KubernetesVersion: kubernetes}}
	for i, h := range l.Hosts {
		if h.Role == LoadBalancer && f.Spec.Endpoint == "" {
			f.Spec.Endpoint = net.JoinHostPort(h.Address.String(), "6443")
		}
		f.Spec.Hosts = append(f.Spec.Hosts, fileHost{
			Name: h.Name, Address: h.Address.String(), Roles: []Role{h.Role},
			SSH: fileSSH{User: "root", Port: 22, KeyFile: l.KeyFile(), HostKey: keys[i]},
		})
	}
	return yaml.Marshal(f)
}

// WriteClusterFile writes the lab's cluster file to a path of the user's. A file
// that is there already, with other content, is the user's work and stays: the
// error is then a FileExistsError.
func (l *Lab) WriteClusterFile(path, kubernetes string) error {
	data, err := l.ClusterFile(kubernetes)
	if err != nil {
		return err
	}
	return writeNew(path, data)
}

func writeNew(path string, data []byte) error {
	have, err := os.ReadFile(path)
	switch {
	case err == nil && bytes.Equal(have, data):
		return nil
	case err == nil:
		return &FileExistsError{path}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return write(path, data, 0o644)
}

// FileExistsError says that a file would be overwritten.
type FileExistsError struct{ Path string }

func (e *FileExistsError) Error() string {
	return fmt.Sprintf("%s exists and says something else, so it was left as it is: remove it, or name another file with --file", e.Path)
}
