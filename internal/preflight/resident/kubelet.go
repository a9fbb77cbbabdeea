package resident

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/preflight/subject"
)

// minKubelet is kubeadm's, for 1.37.
const minKubelet = "1.34.0"

// kubeletProgram is where packages put the kubelet, and where the unit starts it.
const kubeletProgram = "/usr/bin/kubelet"

// KubeletVersion finds a kubelet that was brought along and is too old, or newer
// than the control plane that it would serve. One of the bundle fits.
func KubeletVersion(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	if t := s.Model.Theirs; !t.Kubelet || t.Services {
		return nil, nil
	}
	r, err := s.Host.Run(ctx, host.Command{Argv: []string{kubeletProgram, "--version"}})
	text := strings.TrimSpace(string(r.Stdout))
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("it ended with code %d: %s", r.Code, strings.TrimSpace(string(r.Stderr)))
	}
	if err != nil {
		return []subject.Finding{{Message: fmt.Sprintf("couldn't get the version of %s on %s: %v", kubeletProgram, s.Host.Name(), err)}}, ctx.Err()
	}
	have, err := version.ParseSemantic(strings.TrimPrefix(text, "Kubernetes "))
	if err != nil {
		return []subject.Finding{{Message: fmt.Sprintf("%s on %s says that its version is %q: %v", kubeletProgram, s.Host.Name(), text, err)}}, nil
	}
	if have.LessThan(version.MustParseSemantic(minKubelet)) {
		return []subject.Finding{{
			Message: fmt.Sprintf("kubelet version %s of %s is lower than %s, the lowest that a cluster of this keelway can have", have, s.Host.Name(), minKubelet),
		}}, nil
	}
	control, err := version.ParseSemantic(s.Model.Cluster.KubernetesVersion)
	if err != nil || have.Major() <= control.Major() && have.Minor() <= control.Minor() {
		return nil, nil //nolint:nilerr // another check says of the version that it is none
	}
	return []subject.Finding{{
		Message: fmt.Sprintf("the kubelet version is higher than the control plane version: %s has kubelet %s, and the control plane %s; the API server may not know what such a kubelet asks for", s.Host.Name(), have, control),
	}}, nil
}
