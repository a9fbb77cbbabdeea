package config

import (
	"bytes"
	"fmt"
	"strings"

	kubeproxy "k8s.io/kube-proxy/config/v1alpha1"
	kubelet "k8s.io/kubelet/config/v1beta1"
)

// ExampleToken is the token that kubeadm shows in its examples; no cluster should have it.
const ExampleToken = "abcdef.0123456789abcdef"

// InitExample is what `config print init-defaults` prints for a Kubernetes
// version: every field that has a default, with placeholders for what has none.
// kinds adds KubeletConfiguration and KubeProxyConfiguration in that order; the
// error names one that is neither.
func InitExample(version string, kinds ...string) ([]byte, error) {
	i := InitConfiguration{
		BootstrapTokens:  []BootstrapToken{{Token: exampleToken()}},
		LocalAPIEndpoint: APIEndpoint{AdvertiseAddress: "1.2.3.4"},
		NodeRegistration: NodeRegistrationOptions{Name: "node", CRISocket: DefaultCRISocket},
	}
	DefaultInit(&i)
	// kubeadm prints the version without its "v" here, and here only.
	c := ClusterConfiguration{KubernetesVersion: strings.TrimPrefix(version, "v")}
	DefaultCluster(&c)
	documents := [][]byte{Marshal(i), Marshal(c)}
	for _, kind := range kinds {
		switch kind {
		case "KubeletConfiguration":
			var k kubelet.KubeletConfiguration
			if err := DefaultKubelet(&k, c); err != nil {
				return nil, err
			}
			documents = append(documents, Marshal(k))
		case "KubeProxyConfiguration":
			var p kubeproxy.KubeProxyConfiguration
			DefaultProxy(&p, c, i.LocalAPIEndpoint)
			documents = append(documents, Marshal(p))
		default:
			return nil, fmt.Errorf("component config %q is unknown: give KubeletConfiguration or KubeProxyConfiguration", kind)
		}
	}
	return bytes.Join(documents, []byte("---\n")), nil
}

// JoinExample is what `config print join-defaults` prints on a machine of that name.
func JoinExample(node string) []byte {
	j := JoinConfiguration{
		Discovery: Discovery{BootstrapToken: &BootstrapTokenDiscovery{
			Token: ExampleToken, APIServerEndpoint: "kube-apiserver:6443", UnsafeSkipCAVerification: true,
		}},
		NodeRegistration: NodeRegistrationOptions{Name: node, CRISocket: DefaultCRISocket},
	}
	DefaultJoin(&j)
	return Marshal(j)
}

// ResetExample is what `config print reset-defaults` prints.
func ResetExample() []byte {
	r := ResetConfiguration{CRISocket: DefaultCRISocket}
	DefaultReset(&r)
	return Marshal(r)
}

// UpgradeExample is what `config print upgrade-defaults` prints.
func UpgradeExample() []byte {
	var u UpgradeConfiguration
	DefaultUpgrade(&u)
	return Marshal(u)
}

func exampleToken() *TokenString {
	id, secret, _ := strings.Cut(ExampleToken, ".")
	return &TokenString{ID: id, Secret: secret}
}
