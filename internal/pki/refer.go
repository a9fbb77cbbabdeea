package pki

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientcmd "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/tools/clientcmd/api/latest"
)

// Refers says whether a kubeconfig's user has its certificate and key in that
// file, and none inside, where it would win.
func Refers(data []byte, file string) bool {
	p, err := parseKubeconfig(data)
	return err == nil && p.user.ClientCertificate == file && p.user.ClientKey == file &&
		len(p.user.ClientCertificateData) == 0 && len(p.user.ClientKeyData) == 0
}

// Refer is a kubeconfig whose user has its certificate and key in that file
// instead of inside.
func Refer(data []byte, file string) ([]byte, error) {
	if _, err := parseKubeconfig(data); err != nil {
		return nil, err
	}
	config := clientcmd.NewConfig()
	kind := schema.GroupVersionKind{Version: latest.Version, Kind: "Config"}
	if _, _, err := latest.Codec.Decode(data, &kind, config); err != nil {
		return nil, fmt.Errorf("it is not a kubeconfig: %w", err)
	}
	user := config.AuthInfos[config.Contexts[config.CurrentContext].AuthInfo]
	user.ClientCertificateData, user.ClientKeyData = nil, nil
	user.ClientCertificate, user.ClientKey = file, file
	return runtime.Encode(latest.Codec, config)
}
