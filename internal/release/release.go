// Package release says which versions of the components go together, and which changes of version are legal.
package release

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"
)

// Release is one Kubernetes version and the versions of everything that is
// shipped with it. Every version starts with "v", as in the component's tags.
type Release struct {
	// Kubernetes is the version of the control plane, the kubelet and kubectl.
	Kubernetes string
	// Etcd is at or above 3.7.1, 3.6.14 or 3.5.33: below them it has GHSA-6vch-q96h-7gc3.
	Etcd       string
	CoreDNS    string
	Pause      string
	Containerd string
	Runc       string
	// CNI is the version of the bridge, host-local, loopback, portmap and bandwidth plugins.
	CNI string
	// FlannelCNI is the last version of the CNI plugins that had the flannel plugin.
	FlannelCNI string
	Flannel    string
	Crictl     string
	// HAProxy is the version of Debian's package: its fixes come by this number.
	HAProxy string
}

// All lists the releases that can be built, newest first.
func All() []Release {
	// One containerd, runc and network for the three: each of them supports
	// every Kubernetes minor here, and an upgrade then changes fewer things.
	// CoreDNS is kubeadm 1.37's in all three; 1.13.1 and 1.14.2, the defaults
	// of kubeadm 1.35 and 1.36, are older patches of the same configuration.
	one := Release{
		CoreDNS:    "v1.14.6",
		Containerd: "v2.4.2",
		Runc:       "v1.5.2",
		CNI:        "v1.9.1",
		FlannelCNI: "v0.9.1",
		Flannel:    "v0.26.7",
		Crictl:     "v1.36.0",
		HAProxy:    "2.6.12-1+deb12u4",
	}
	return []Release{
		one.with("v1.37.0", "v3.7.3", "v3.10.2"),
		one.with("v1.36.3", "v3.6.16", "v3.10.2"),
		one.with("v1.35.4", "v3.6.16", "v3.10.1"),
	}
}

func (r Release) with(kubernetes, etcd, pause string) Release {
	r.Kubernetes, r.Etcd, r.Pause = kubernetes, etcd, pause
	return r
}

// Default is the release that is installed when no version is asked for.
func Default() Release {
	return All()[0]
}

// For finds the release of a Kubernetes version, which may be whole ("v1.37.0",
// "1.37.0") or a minor ("v1.37", "1.37"). The error names the versions there are.
func For(kubernetes string) (Release, error) {
	want := "v" + strings.TrimPrefix(kubernetes, "v")
	var known []string
	for _, r := range All() {
		if r.Kubernetes == want || r.Minor() == want {
			return r, nil
		}
		known = append(known, r.Kubernetes)
	}
	return Release{}, fmt.Errorf("no release for Kubernetes %q: choose one of %s", kubernetes, strings.Join(known, ", "))
}

// Minor is the Kubernetes version without its patch, such as "v1.37".
func (r Release) Minor() string {
	return Minor(r.Kubernetes)
}

// Minor cuts a version after its second number: "v3.7.3" becomes "v3.7". A text
// that is not a version is returned as it is.
func Minor(v string) string {
	parsed, err := version.ParseGeneric(v)
	if err != nil {
		return v
	}
	return fmt.Sprintf("v%d.%d", parsed.Major(), parsed.Minor())
}
