package host

import "context"

// Kernel is what a host can do to its own network beside files, commands and
// sockets. It needs no program on the machine.
type Kernel interface {
	// Links lists the names of the network links.
	Links(ctx context.Context) ([]string, error)
	// DeleteLink removes a link with its addresses and routes; one that does
	// not exist is no error.
	DeleteLink(ctx context.Context, name string) error
	// Tables lists the nftables tables as "family name", such as "ip kube-proxy".
	Tables(ctx context.Context) ([]string, error)
	// DeleteTable removes a table by its family and name; one that does not
	// exist is no error.
	DeleteTable(ctx context.Context, table string) error
}

// Filter is a Kernel that can also take single chains out of a table that others
// use as well. Over SSH there is none: what needs it runs on the machine itself.
type Filter interface {
	// Chains lists the nftables chains that no hook calls by itself, as "family
	// table chain". iptables' own are among them, where it stands on nftables.
	Chains(ctx context.Context) ([]string, error)
	// DeleteChains removes chains, with the rules elsewhere that lead there, and
	// a table of which nothing is left but hooks without rules. A chain that
	// does not exist is no error.
	DeleteChains(ctx context.Context, chains []string) error
}
