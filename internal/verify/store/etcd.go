// Package store checks what the cluster is stored in: etcd, and how it lies there.
package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"keelway.dev/keelway/internal/etcd"
	"keelway.dev/keelway/internal/verify/result"
	"keelway.dev/keelway/internal/verify/subject"
)

// fullAt is where a store of etcd is near its default quota of 2 GiB, in bytes.
const fullAt = 1600 << 20

// hashTries is how often hashes are compared: members that are compacted
// between two requests differ for that reason alone.
const hashTries = 4

// memberState is what one member said of itself.
type memberState struct {
	endpoint string
	status   etcd.Status
	err      error
}

func states(ctx context.Context, c *etcd.Client, endpoints []string) []memberState {
	all := make([]memberState, len(endpoints))
	var wg sync.WaitGroup
	for i, e := range endpoints {
		wg.Go(func() {
			all[i].endpoint = e
			all[i].status, all[i].err = c.Status(ctx, e)
		})
	}
	wg.Wait()
	return all
}

// Health asks every member of etcd how it is.
func Health(ctx context.Context, s *subject.Subject) (o result.Outcome, err error) {
	c, endpoints, err := s.Etcd(ctx)
	if err != nil {
		return o, err
	}
	defer c.Close()
	members, err := c.Members(ctx)
	if err != nil {
		return o, err
	}
	// A member whose pod nobody sees is one all the same.
	for _, m := range members {
		known := func(u string) bool { return slices.Contains(endpoints, u) }
		if len(m.ClientURLs) > 0 && !slices.ContainsFunc(m.ClientURLs, known) {
			endpoints = append(endpoints, m.ClientURLs[0])
		}
	}
	return judgeEtcd(members, states(ctx, c, endpoints)), nil
}

func judgeEtcd(members []etcd.Member, all []memberState) (o result.Outcome) {
	for _, m := range members {
		switch {
		case m.Name == "":
			o.Add(result.Failed, strings.Join(m.PeerURLs, ","), "start it, or remove the member by its ID", "the member %x was added and has never started", m.ID)
		case m.Learner:
			o.Fail(m.Name, "is a learner: it has no vote yet")
		}
	}
	if n := len(members); n > 1 && n%2 == 0 {
		o.Add(result.Warning, "", "add a member, or remove one", "%d members survive the loss of no more than %d do: an odd number is better", n, n-1)
	}
	good, leader, version := 0, uint64(0), ""
	for _, m := range all {
		st := m.status
		switch {
		case m.err != nil:
			o.Fail(m.endpoint, "%v", m.err)
			continue
		case st.Leader == 0:
			o.Fail(m.endpoint, "has no leader")
			continue
		case leader != 0 && st.Leader != leader:
			o.Fail(m.endpoint, "follows %x, another one follows %x", st.Leader, leader)
		}
		leader = st.Leader
		if len(st.Alarms) > 0 {
			o.Add(result.Failed, m.endpoint, "free space in etcd (compact and defragment), then disarm the alarm with etcdctl", "has an alarm: %s", strings.Join(st.Alarms, ", "))
			continue
		}
		if version != "" && st.Version != version {
			o.Warn(m.endpoint, "is etcd %s, another member is %s", st.Version, version)
		}
		version = st.Version
		if st.DBSize > fullAt {
			o.Add(result.Warning, m.endpoint, "compact and defragment it, or raise --quota-backend-bytes", "its store is %d MB; at 2,147 MB (the default quota) writes are refused", st.DBSize/1e6)
		}
		good++
	}
	o.Seen = fmt.Sprintf("%s, etcd %s", result.Counted(good, len(all), "member"), version)
	return o
}

// memberHash is what one member stores up to a revision, in a number.
type memberHash struct {
	endpoint  string
	hash      uint32
	compacted int64
}

// Consistency compares what the members store.
func Consistency(ctx context.Context, s *subject.Subject) (o result.Outcome, err error) {
	c, endpoints, err := s.Etcd(ctx)
	if err != nil {
		return o, err
	}
	defer c.Close()
	for range hashTries {
		var revision int64
		var answering, silent []string
		for _, m := range states(ctx, c, endpoints) {
			switch {
			case m.err != nil:
				silent = append(silent, m.endpoint)
				continue
			case revision == 0 || m.status.Revision < revision:
				revision = m.status.Revision
			}
			answering = append(answering, m.endpoint)
		}
		hashes, err := hashAll(ctx, c, answering, revision)
		if err != nil {
			return o, err
		}
		o, again := judgeHashes(hashes, revision)
		for _, e := range silent {
			o.Skip(e, "does not answer: see Etcd")
		}
		if !again {
			return o, nil
		}
	}
	return o, errors.New("the members were compacted at different revisions in every try: run this again")
}

// hashAll hashes every member up to a revision that all of them have.
func hashAll(ctx context.Context, c *etcd.Client, endpoints []string, revision int64) ([]memberHash, error) {
	all := make([]memberHash, len(endpoints))
	errs := make([]error, len(endpoints))
	var wg sync.WaitGroup
	for i, e := range endpoints {
		wg.Go(func() {
			all[i].endpoint = e
			all[i].hash, all[i].compacted, errs[i] = c.HashKV(ctx, e, revision)
		})
	}
	wg.Wait()
	return all, errors.Join(errs...)
}

// judgeHashes compares them. again is true when they cannot be compared yet.
func judgeHashes(all []memberHash, revision int64) (o result.Outcome, again bool) {
	for _, m := range all {
		switch first := all[0]; {
		case m.compacted != first.compacted:
			return o, true
		case m.hash != first.hash:
			o.Fail(m.endpoint, "stores other keys than %s at revision %d (hash %08x, not %08x)", first.endpoint, revision, m.hash, first.hash)
		}
	}
	if len(all) > 0 {
		o.Seen = fmt.Sprintf("%s at revision %d, hash %08x", result.Counted(len(all), len(all), "member"), revision, all[0].hash)
	}
	return o, false
}
