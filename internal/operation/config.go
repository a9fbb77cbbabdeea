package operation

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/namespaces"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/load"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/release"
)

// ReadConfig reads a kubeadm configuration and fills in what it leaves to the
// machine. The error is a WishError with every problem and its line.
func ReadConfig(ctx context.Context, h host.Host, file string, text []byte, o load.Options) (*load.Set, error) {
	set, err := load.Read(file, text, o)
	if err != nil {
		return nil, &WishError{err}
	}
	facts, err := observe.Facts(ctx, h)
	if err != nil {
		return nil, err
	}
	on := load.Host{Name: facts.Hostname, Address: "0.0.0.0", Version: release.Default().Kubernetes, Token: NewToken}
	if len(facts.Addresses) > 0 {
		on.Address = facts.Addresses[0]
	}
	if err := set.Complete(on, o); err != nil {
		return nil, &WishError{err}
	}
	if j := set.Join; j != nil && j.Discovery.File != nil && !strings.HasPrefix(j.Discovery.File.KubeConfigPath, "https://") {
		if _, err := h.Stat(ctx, j.Discovery.File.KubeConfigPath); err != nil {
			return nil, &WishError{fmt.Errorf("%s: JoinConfiguration discovery.file.kubeConfigPath: %w", file, err)}
		}
	}
	return set, nil
}

// NewToken makes a bootstrap token of random letters and digits.
func NewToken() config.TokenString {
	return config.TokenString{ID: randomText(6), Secret: randomText(16)}
}

// randomText draws from the 36 characters that a token may have, each as likely.
func randomText(length int) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	var text bytes.Buffer
	for one := make([]byte, 1); text.Len() < length; {
		_, _ = rand.Read(one) // never fails (crypto/rand)
		if n := int(one[0]); n < len(alphabet)*(256/len(alphabet)) {
			text.WriteByte(alphabet[n%len(alphabet)])
		}
	}
	return text.String()
}

// ConfigImages lists the images that a configuration needs, in kubeadm's order.
func ConfigImages(set *load.Set) ([]string, error) {
	m, err := cluster.FromConfig(cluster.Config{
		Init: *set.Init, Cluster: *set.Cluster,
		// No image depends on the machine.
		Facts: cluster.Facts{Hostname: "node", Addresses: []string{"192.0.2.1"}, CgroupVersion: 2, ConntrackWritable: true},
	})
	if err != nil {
		return nil, &WishError{err}
	}
	names := []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"}
	if !m.Cluster.Proxy.Disabled {
		names = append(names, "kube-proxy")
	}
	if !m.Cluster.DNS.Disabled {
		names = append(names, "coredns")
	}
	names = append(names, "pause")
	if m.Cluster.Etcd.Local != nil {
		names = append(names, "etcd")
	}
	var images []string
	for _, name := range names {
		images = append(images, m.Image(name))
	}
	return images, nil
}

// PullImages has the host's runtime pull images from their registries, and says
// each that is there.
func PullImages(ctx context.Context, h host.Host, images []string, say func(image string)) error {
	conn, err := observe.DialRuntime(h)
	if err != nil {
		return err
	}
	defer conn.Close()
	client, err := containerd.NewWithConn(conn)
	if err != nil {
		return err
	}
	ctx = namespaces.WithNamespace(ctx, "k8s.io")
	for _, image := range images {
		if _, err := client.Pull(ctx, image, containerd.WithPullUnpack); err != nil {
			return fmt.Errorf("cannot pull %s on %s: %w; images of a bundle need no registry: `keelway up --until images` imports them", image, h.Name(), err)
		}
		say(image)
	}
	return nil
}
