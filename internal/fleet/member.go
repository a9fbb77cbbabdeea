package fleet

import (
	"context"
	"time"

	"keelway.dev/keelway/internal/etcd"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/plan"
)

// members are etcd's, asked through the machine that serves.
type members struct {
	client *etcd.Client
	list   []etcd.Member
	states []plan.MemberState
}

func (f *Fleet) members(ctx context.Context, c *kube.Client) (*members, error) {
	endpoints, err := etcd.Endpoints(ctx, c)
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

func (m *members) remove(ctx context.Context, name string) error {
	for _, one := range m.list {
		if one.Name == name {
			return m.client.Remove(ctx, one.ID)
		}
	}
	return nil
}
