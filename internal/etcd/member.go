package etcd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// Member is one member of the cluster. Name and ClientURLs are empty while it
// has never started.
type Member struct {
	ID                   uint64
	Name                 string
	PeerURLs, ClientURLs []string
	Learner              bool
}

// ErrStarted means that a peer URL belongs to a member that has started.
var ErrStarted = errors.New("a member with this peer URL has started")

// Members lists the members, as the majority knows them: it fails without a quorum.
func (c *Client) Members(ctx context.Context) ([]Member, error) {
	all, err := c.members(ctx)
	return all, explain("cannot list etcd's members", c.endpoints, err)
}

func (c *Client) members(ctx context.Context) ([]Member, error) {
	var all []Member
	err := c.once(ctx, func(ctx context.Context) error {
		r, err := c.client.MemberList(ctx)
		if err == nil {
			all = members(r.Members)
		}
		return err
	})
	return all, err
}

func members(list []*etcdserverpb.Member) []Member {
	var all []Member
	for _, m := range list {
		all = append(all, Member{ID: m.ID, Name: m.Name, PeerURLs: m.PeerURLs, ClientURLs: m.ClientURLs, Learner: m.IsLearner})
	}
	return all
}

// AddLearner adds a member that has no vote yet, and returns its ID and all
// members with it. While etcd refuses, because a member does not answer or
// because another learner is at it, it tries again until ctx ends; as long as a
// learner is seen only by looking, because each try is a change that the
// promotion of the learner would have to wait for. A member
// with this peer URL that never started is what a run that was killed added: it
// is returned. With one that has started the error matches ErrStarted, and ID
// and members are returned beside it.
func (c *Client) AddLearner(ctx context.Context, peerURL string) (id uint64, all []Member, err error) {
	transient := func(err error) bool {
		// It exists: added by a try whose answer was lost, or by somebody at the
		// same time. The next try finds it.
		return refused(err) || is(err, rpctypes.ErrGRPCTooManyLearners, rpctypes.ErrGRPCPeerURLExist, rpctypes.ErrGRPCMemberExist)
	}
	tried := false
	err = until(ctx, transient, func(ctx context.Context) error {
		present, err := c.members(ctx)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(present, func(m Member) bool { return slices.Contains(m.PeerURLs, peerURL) }); i >= 0 {
			id, all = present[i].ID, present
			if present[i].Name != "" {
				return fmt.Errorf("%w: %s is %s (%x)", ErrStarted, peerURL, present[i].Name, present[i].ID)
			}
			return nil
		}
		if tried && slices.ContainsFunc(present, func(m Member) bool { return m.Learner }) {
			return rpctypes.ErrGRPCTooManyLearners
		}
		tried = true
		r, err := c.client.MemberAddAsLearner(ctx, []string{peerURL})
		if err == nil {
			id, all = r.Member.ID, members(r.Members)
		}
		return err
	})
	return id, all, explain("cannot add the etcd member "+peerURL, c.endpoints, err)
}

// Promote gives a learner its vote. While the learner has not caught up with
// the leader, it tries again until ctx ends. A member that has a vote already
// is no error.
func (c *Client) Promote(ctx context.Context, id uint64) error {
	transient := func(err error) bool { return refused(err) || is(err, rpctypes.ErrGRPCLearnerNotReady) }
	err := until(ctx, transient, func(ctx context.Context) error {
		_, err := c.client.MemberPromote(ctx, id)
		if is(err, rpctypes.ErrGRPCMemberNotLearner) {
			return nil
		}
		return err
	})
	return explain(fmt.Sprintf("cannot give the etcd member %x its vote", id), c.endpoints, err)
}

// Remove takes a member out of the cluster, and returns when a majority of those
// that stay know that it has left: it may end at once then, even if others leave
// at the same moment. While etcd refuses, because the others would be without a
// quorum, it tries again until ctx ends. A member that is not there is no error.
func (c *Client) Remove(ctx context.Context, id uint64) error {
	err := until(ctx, refused, func(ctx context.Context) error {
		_, err := c.client.MemberRemove(ctx, id)
		if is(err, rpctypes.ErrGRPCMemberNotFound) {
			return nil
		}
		return err
	})
	if err == nil {
		unheard := func(err error) bool { return errors.Is(err, errUnheard) }
		err = until(ctx, unheard, func(ctx context.Context) error { return c.hasLeft(ctx, id) })
	}
	return explain(fmt.Sprintf("cannot remove the etcd member %x", id), c.endpoints, err)
}

// errUnheard means that most of the members that stay do not say yet that one has left.
var errUnheard = errors.New("it is removed, but most of those that stay do not answer without it yet")

// hasLeft asks each member that stays by itself: what answers for all may be a
// member that leaves at the same moment and takes the news with it.
func (c *Client) hasLeft(ctx context.Context, id uint64) error {
	all, err := c.members(ctx)
	if err != nil {
		return err
	}
	isThere := func(m Member) bool { return m.ID == id }
	var voters, know atomic.Int32
	var wg sync.WaitGroup
	for _, m := range all {
		if m.Learner || m.ID == id {
			continue
		}
		voters.Add(1)
		wg.Go(func() {
			one, err := Open(c.host, m.ClientURLs, c.tls)
			if err != nil {
				return
			}
			defer one.Close()
			if list, err := one.members(ctx); err == nil && !slices.ContainsFunc(list, isThere) {
				know.Add(1)
			}
		})
	}
	wg.Wait()
	if know.Load() <= voters.Load()/2 {
		return errUnheard
	}
	return nil
}
