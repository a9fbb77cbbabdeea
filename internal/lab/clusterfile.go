package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/config"
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
	f := file.Cluster{
		APIVersion: file.APIVersion, Kind: file.Kind, Metadata: file.Metadata{Name: l.Name}, Spec: file.Spec{KubernetesVersion: kubernetes},
	}
	switch l.family() {
	case IPv6:
		f.Spec.Network.Pods, f.Spec.Network.Services = cluster.DefaultPodSubnet6, cluster.DefaultServiceSubnet6
	case Dual:
		f.Spec.Network.Pods = cluster.DefaultPodSubnet + "," + cluster.DefaultPodSubnet6
		f.Spec.Network.Services = config.DefaultServiceSubnet + "," + cluster.DefaultServiceSubnet6
	}
	for i, h := range l.Hosts {
		if h.Role == LoadBalancer && f.Spec.Endpoint == "" {
			f.Spec.Endpoint = net.JoinHostPort(h.Address.String(), strconv.Itoa(file.DefaultPort))
		}
		if h.Role == EtcdMember {
			f.Spec.Etcd.Topology = file.External
		}
		one := file.Host{
			Name: h.Name, Address: h.Address.String(), Roles: []file.Role{file.Role(h.Role)},
			SSH: file.SSH{User: "root", Port: 22, KeyFile: l.KeyFile(), HostKey: keys[i]},
		}
		if l.family() == Dual && one.IsNode() {
			one.SecondAddress = h.Address6.String()
		}
		f.Spec.Hosts = append(f.Spec.Hosts, one)
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
