package observe

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/etcd"
	"keelway.dev/keelway/internal/observed"
)

// etcdHealthy asks every member that is named, or that the cluster knows, whether it answers, but
// for one at this machine's own address: that is what is being replaced, or it has
// its vote, and whether another may be added is no question any more.
func (o *Observer) etcdHealthy(ctx context.Context, target string) (bool, string) {
	words := strings.Fields(target)
	certs, own, endpoints := words[0], words[1], words[2:]
	if o.member(ctx, desired.Member{Certs: certs, PeerURL: "https://" + net.JoinHostPort(own, "2380")}).OK {
		return true, ""
	}
	if len(endpoints) == 0 {
		client, err := o.Cluster.Client(ctx)
		if err != nil {
			return false, err.Error()
		}
		if endpoints, err = etcd.Endpoints(ctx, client); err != nil {
			return false, err.Error()
		}
	}
	isOwn := func(e string) bool {
		u, err := url.Parse(e)
		return err == nil && u.Hostname() == own
	}
	endpoints = slices.DeleteFunc(endpoints, isOwn)
	if len(endpoints) == 0 {
		return false, "the cluster's API lists no etcd member"
	}
	c, err := o.etcd(ctx, certs, endpoints...)
	if err != nil {
		return false, err.Error()
	}
	defer c.Close()
	// Pods are listed for a while after their members have left: etcd says who is one.
	members, err := c.Members(ctx)
	if err != nil {
		return false, err.Error()
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, m := range members {
		for _, e := range slices.DeleteFunc(m.ClientURLs, isOwn) {
			g.Go(func() error {
				s, err := c.Status(ctx, e)
				if err == nil && len(s.Alarms) > 0 {
					err = fmt.Errorf("etcd at %s has an alarm: %s", e, strings.Join(s.Alarms, ", "))
				}
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return false, err.Error()
	}
	return true, ""
}

func (o *Observer) etcd(ctx context.Context, certs string, endpoints ...string) (*etcd.Client, error) {
	tls, err := etcd.ReadTLS(ctx, o.Host, certs)
	if err != nil {
		return nil, err
	}
	return etcd.Open(o.Host, endpoints, tls)
}

// member asks this machine's own member whether it has a vote.
func (o *Observer) member(ctx context.Context, m desired.Member) observed.Answer {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	own := strings.Replace(m.PeerURL, ":2380", ":2379", 1)
	c, err := o.etcd(ctx, m.Certs, own)
	if err != nil {
		return observed.Answer{Detail: err.Error()}
	}
	defer c.Close()
	s, err := c.Status(ctx, own)
	switch {
	case err != nil:
		return observed.Answer{Detail: err.Error()}
	case s.Learner:
		return observed.Answer{Detail: "it is a learner"}
	}
	return observed.Answer{OK: true}
}
