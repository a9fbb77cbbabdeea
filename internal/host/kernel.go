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
