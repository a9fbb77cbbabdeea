package fleet

import (
	"context"
	"net/url"
	"time"

	"keelway.dev/keelway/internal/etcd"
	"keelway.dev/keelway/internal/plan"
)

// members are etcd's, asked through the machine that serves.
type members struct {
	client *etcd.Client
	list   []etcd.Member
	states []plan.MemberState
}

func (f *Fleet) members(ctx context.Context) (*members, error) {
	endpoints, err := f.memberURLs(ctx)
	if err != nil {
		return nil, err
	}
	h := f.seed.machine.Host
	tls, err := etcd.ReadTLS(ctx, h, f.seed.model.Cluster.CertificatesDir+"/etcd")
	if err != nil {
		return nil, err
	}
	m := &members{}
	if m.client, err = etcd.Open(h, endpoints, tls); err != nil {
		return nil, err
	}
	if m.list, err = m.client.Members(ctx); err != nil {
		m.client.Close()
		return nil, err
	}
	for _, one := range m.list {
		s := plan.MemberState{Name: one.Name, Voting: !one.Learner}
		for _, u := range one.ClientURLs {
			asking, cancel := context.WithTimeout(ctx, 3*time.Second)
			_, err := m.client.Status(asking, u)
			cancel()
			s.Healthy = s.Healthy || err == nil
		}
		m.states = append(m.states, s)
	}
	return m, nil
}

// memberURLs are those of etcd's own hosts that have a member, or of the members
// that the API lists.
func (f *Fleet) memberURLs(ctx context.Context) (urls []string, err error) {
	if f.File.OwnEtcd() {
		for _, n := range f.nodes {
			if n.etcdAlone() && n.member {
				urls = append(urls, n.etcdURL())
			}
		}
		return urls, nil
	}
	client, err := f.admin().Client(ctx)
	if err != nil {
		return nil, err
	}
	return etcd.Endpoints(ctx, client)
}

// leftovers are the members as what may be removed.
func (m *members) leftovers() []Leftover {
	var all []Leftover
	for i, one := range m.list {
		if one.Name == "" {
			continue // never started: an apply that was interrupted goes on with it
		}
		l := Leftover{Node: one.Name, Member: true, Ready: m.states[i].Healthy}
		for _, text := range one.PeerURLs {
			if u, err := url.Parse(text); err == nil && l.Address == "" {
				l.Address = u.Hostname()
			}
		}
		all = append(all, l)
	}
	return all
}

func (m *members) remove(ctx context.Context, name string) error {
	for _, one := range m.list {
		if one.Name == name {
			return m.client.Remove(ctx, one.ID)
		}
	}
	return nil
}
