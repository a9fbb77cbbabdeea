package upgrade

import (
	"strings"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/observed"
)

// Config is the version of a component's configuration in the cluster, and the
// one that the target reads.
type Config struct {
	// Group is the API group, such as "kubelet.config.k8s.io".
	Group string
	// Current is "" where there is no such configuration, or one that is
	// generated anew.
	Current, Preferred string
	// Manual is true of an old one that a user has changed: nobody else can
	// bring it to the new version.
	Manual bool
}

// Configs are the configurations in kubeadm's order.
func Configs(v observed.Versions) []Config {
	return []Config{
		judge(v.ProxyConfig, config.ProxyAPIVersion),
		judge(v.KubeletConfig, config.KubeletAPIVersion),
	}
}

func judge(stored observed.StoredConfig, preferred string) Config {
	group, want, _ := strings.Cut(preferred, "/")
	c := Config{Group: group, Preferred: want}
	_, have, _ := strings.Cut(stored.APIVersion, "/")
	switch {
	case have == want:
		c.Current = have
	case have != "" && !stored.Generated:
		c.Current, c.Manual = have, true
	}
	return c
}
