package cluster

// Balancer is what Keelway puts in front of the API servers. The zero value is
// nothing.
type Balancer struct {
	// Local is true of one on every node, for that node alone; else it is a
	// machine's of its own.
	Local bool
	// Address is where it listens, "" for all addresses, and Port at which port.
	Address string
	Port    int32
	// Backends are the API servers.
	Backends []Backend
}

// Backend is one API server.
type Backend struct {
	// Name is its host's, Address "host:port".
	Name, Address string
}

// Present is true when there is a load balancer to make.
func (b Balancer) Present() bool { return len(b.Backends) > 0 }
