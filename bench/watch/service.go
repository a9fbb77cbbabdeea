package watch

import (
	"context"
	"net"
	"time"
)

// patience is how long one query may take. A query that comes before there are
// rules for the address is dropped somewhere and never answered.
const patience = time.Second

// watchService asks the cluster's DNS through its ClusterIP, from the host. A
// new query with a port of its own is sent at every tick, whatever became of
// those before it: a packet that met no rule must not hold up the next one.
func (w *Watcher) watchService(ctx context.Context) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for !w.has(ServiceAnswers) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w.ended.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			if resolve(ctx, w.target.DNS, w.target.Name) == nil {
				w.see(ServiceAnswers)
			}
		})
	}
}

// resolve asks the DNS server at that address for a name.
func resolve(ctx context.Context, server, name string) error {
	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, net.JoinHostPort(server, "53"))
	}}
	_, err := r.LookupHost(ctx, name)
	return err
}
