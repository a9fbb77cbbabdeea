package desired

import (
	"fmt"

	apps "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired/dns"
	"keelway.dev/keelway/internal/desired/kubelet"
	"keelway.dev/keelway/internal/desired/proxy"
)

// The targets of patches beside the static pods, with kubeadm's names.
const (
	patchKubelet = "kubeletconfiguration"
	patchDNS     = "corednsdeployment"
	patchProxy   = "kubeproxydaemonset"
)

// patched changes an object as the user's patches for the target say.
func patched[T any](s *story, target string, object *T) {
	if s.model.Patcher == nil {
		return
	}
	data, err := s.model.Patcher.Patch(target, config.Marshal(*object))
	if err == nil && data != nil {
		var next T
		if err = yaml.Unmarshal(data, &next); err == nil {
			*object = next
		}
	}
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("the patches for %s do not fit: %w", target, err))
	}
}

func (s *story) proxySet() *apps.DaemonSet {
	d := proxy.DaemonSet(s.model, s.host)
	patched(s, patchProxy, d)
	return d
}

func (s *story) dnsDeployment() *apps.Deployment {
	d := dns.Deployment(s.model)
	patched(s, patchDNS, d)
	return d
}

// kubeletConfig is config.yaml with the user's patches. They may set fields
// that this program's Kubernetes does not know, so the text itself is patched.
func (s *story) kubeletConfig() []byte {
	plain := kubelet.Config(s.model, s.host)
	if s.model.Patcher == nil {
		return plain
	}
	data, err := s.model.Patcher.Patch(patchKubelet, plain)
	if err == nil && data != nil {
		if data, err = yaml.JSONToYAML(data); err == nil {
			return data
		}
	}
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("the patches for %s do not fit: %w", patchKubelet, err))
	}
	return plain
}
