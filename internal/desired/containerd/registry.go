package containerd

import (
	"fmt"
	"net/url"
	"strings"

	"keelway.dev/keelway/internal/cluster"
)

// Where it is said how registries are reached. The folder is Keelway's alone.
const (
	RegistryDir = "/etc/containerd/keelway"
	ProxyName   = "proxy.env"
	ProxyFile   = RegistryDir + "/" + ProxyName
	MirrorName  = "mirrors"
	MirrorDir   = RegistryDir + "/" + MirrorName
	HostsName   = "hosts.toml"
	CAName      = "ca.crt"
)

// Proxy is the environment in which containerd runs, in systemd's form.
func Proxy(r cluster.Registries) []byte {
	var b strings.Builder
	for _, v := range r.Proxy {
		fmt.Fprintf(&b, "%s='%s'\n", v.Name, v.Value)
	}
	return []byte(b.String())
}

// MirrorFolder is the folder of a registry's mirrors, in which containerd looks.
func MirrorFolder(m cluster.Mirror) string {
	if m.Registry == "*" {
		return MirrorDir + "/_default"
	}
	return MirrorDir + "/" + m.Registry
}

// Hosts names the mirrors of a registry, in their order; containerd asks the
// registry itself when none of them has an image.
func Hosts(m cluster.Mirror) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Written by keelway; see https://containerd.io.")
	switch m.Registry {
	case "*":
	case "docker.io":
		line("server = \"https://registry-1.docker.io\"")
	default:
		line("server = %q", "https://"+m.Registry)
	}
	for _, e := range m.Endpoints {
		line("")
		line("[host.%q]", e)
		line("  capabilities = [\"pull\", \"resolve\"]")
		if u, err := url.Parse(e); err == nil && (strings.HasSuffix(u.Path, "/v2") || strings.Contains(u.Path, "/v2/")) {
			line("  # The path is the whole one, and /v2 is in it.")
			line("  override_path = true")
		}
		if m.CA != "" {
			line("  ca = %q", MirrorFolder(m)+"/"+CAName)
		}
	}
	return []byte(b.String())
}
