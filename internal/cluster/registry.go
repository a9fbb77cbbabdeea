package cluster

import "keelway.dev/keelway/internal/config"

// Registries is how container runtimes reach registries, for images that are
// not in the bundle.
type Registries struct {
	// Kept says that this is all there is to be: what was set before goes.
	Kept bool
	// Proxy are variables of the runtime's environment.
	Proxy   []config.EnvVar
	Mirrors []Mirror
}

// Mirror is asked in the place of a registry, "*" for every one.
type Mirror struct {
	Registry  string
	Endpoints []string
	// CA signed the endpoints' certificates, in PEM; "" is one that the host trusts.
	CA string
}
