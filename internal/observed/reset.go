package observed

// Reset is what `reset` finds on a host.
type Reset struct {
	// Residue holds what runs, what is mounted, and in Paths what is to be removed.
	Residue
	// Rules are the chains of kube-proxy, the kubelet and flannel in the tables that
	// iptables shares with everybody, as "family table chain".
	Rules []string
	Etcd  Etcd
}

// Etcd is what was seen of a host's etcd member, and of its cluster.
type Etcd struct {
	// Manifest is the path of the member's static pod, "" without one; Running
	// is true while the pod is there.
	Manifest string
	Running  bool
	// External are the endpoints of an etcd that is not a static pod of this
	// host, which the API server uses.
	External []string
	// Dir is where the data lies, Data what lies there.
	Dir  string
	Data []string
	// Released is true of data that was given up before: its member has left the
	// cluster, or its owner agreed.
	Released bool
	// Name, PeerURL and ClientURL are the member's own, as its static pod says;
	// Certs is the folder of its certificates.
	Name, PeerURL, ClientURL string
	Certs                    string
	// Asked are the endpoints that were asked. Known is true when a majority
	// answered who the members are; Why says why not.
	Asked   []string
	Known   bool
	Members []EtcdMember
	Why     string
}

// EtcdMember is one member, as the majority knows it.
type EtcdMember struct {
	ID                 uint64
	Name               string
	PeerURL, ClientURL string
	Learner            bool
	// Alive is true of one that answers and has a leader.
	Alive bool
}
