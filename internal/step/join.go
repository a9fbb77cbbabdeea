package step

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/etcd"
	"keelway.dev/keelway/internal/host"
)

// bootstrap writes the kubelet's first kubeconfig, or removes it.
func (r *Runner) bootstrap(ctx context.Context, b desired.Bootstrap) error {
	if b.Remove {
		return r.Host.Remove(ctx, b.Path)
	}
	return r.put(ctx, b.Path, modePrivate, b.Content)
}

const (
	// queueLimit is how long a new member waits for its turn: etcd takes one
	// learner at a time, and a wave of control planes joins one after the other.
	queueLimit = 10 * time.Minute
	// startLimit is how long a learner may take to catch up before it is taken
	// back.
	startLimit = 50 * time.Second
	// takeBackLimit is how long etcd may take to remove it again.
	takeBackLimit = 30 * time.Second
)

// member adds a learner, starts it, and gives it its vote. One that does not
// catch up is taken back: its pod, its data and its place in the cluster.
func (r *Runner) member(ctx context.Context, m desired.Member, waiting func(string)) error {
	c, err := r.others(ctx, m)
	if err != nil {
		return err
	}
	defer c.Close()
	id, all, err := r.place(ctx, c, m, waiting)
	if err != nil {
		return err
	}
	if _, err := r.Host.Stat(ctx, m.Manifest.Path); err == nil && voter(all, id) {
		return nil // it only did not answer: its flags may have been changed a moment ago
	}
	manifest := m.Manifest
	manifest.Content = bytes.ReplaceAll(manifest.Content, []byte(m.Placeholder), []byte(initialCluster(all, id, m.Name)))
	if err := r.manifest(ctx, manifest); err != nil {
		return err
	}
	waiting("the learner starts and fetches all data from the leader")
	starting, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := c.Promote(starting, id); err != nil {
		return r.takeBack(ctx, c, m, id, err)
	}
	return nil
}

func voter(all []etcd.Member, id uint64) bool {
	return slices.ContainsFunc(all, func(m etcd.Member) bool { return m.ID == id && !m.Learner })
}

// others is a client of the members that are there already.
func (r *Runner) others(ctx context.Context, m desired.Member) (*etcd.Client, error) {
	endpoints := slices.Clone(m.Through)
	if len(endpoints) == 0 {
		client, err := r.Client(ctx)
		if err != nil {
			return nil, err
		}
		if endpoints, err = etcd.Endpoints(ctx, client); err != nil {
			return nil, err
		}
	}
	endpoints = slices.DeleteFunc(endpoints, func(e string) bool { return sameHost(e, m.PeerURL) })
	if len(endpoints) == 0 {
		return nil, errors.New("no etcd member of another control plane is known: the cluster's API lists no pod with the label component=etcd")
	}
	tls, err := etcd.ReadTLS(ctx, r.Host, m.Certs)
	if err != nil {
		return nil, err
	}
	return etcd.Open(r.Host, endpoints, tls)
}

func sameHost(a, b string) bool {
	first, err1 := url.Parse(a)
	second, err2 := url.Parse(b)
	return err1 == nil && err2 == nil && first.Hostname() == second.Hostname()
}

// place finds or makes the member's place in the cluster. One that has started
// before and whose data is gone can never come back under its old ID.
func (r *Runner) place(ctx context.Context, c *etcd.Client, m desired.Member, waiting func(string)) (uint64, []etcd.Member, error) {
	waiting("etcd takes one new member at a time; waiting for this one's turn")
	queue, cancel := context.WithTimeout(ctx, queueLimit)
	defer cancel()
	if err := r.clearStale(queue, c, m, waiting); err != nil {
		return 0, nil, err
	}
	id, all, err := c.AddLearner(queue, m.PeerURL)
	if !errors.Is(err, etcd.ErrStarted) {
		return id, all, err
	}
	_, dataErr := r.Host.Stat(ctx, path.Join(m.Data, "member"))
	if !errors.Is(dataErr, fs.ErrNotExist) {
		return id, all, dataErr
	}
	waiting(fmt.Sprintf("the member %x of this machine has lost its data, and is replaced", id))
	if err := c.Remove(queue, id); err != nil {
		return 0, nil, err
	}
	return c.AddLearner(queue, m.PeerURL)
}

// clearStale removes the data of a member that was taken out of the cluster: it
// can never come back with it.
func (r *Runner) clearStale(ctx context.Context, c *etcd.Client, m desired.Member, waiting func(string)) error {
	all, err := c.Members(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(one etcd.Member) bool { return slices.Contains(one.PeerURLs, m.PeerURL) }) {
		return nil
	}
	data := path.Join(m.Data, "member")
	if _, err := r.Host.Stat(ctx, data); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	waiting("the data of a member that was taken out of the cluster is removed")
	if err := r.Host.Remove(ctx, m.Manifest.Path); err != nil {
		return err
	}
	return r.Host.Remove(ctx, data)
}

// initialCluster lists the members as name=URL; the new one has no name yet. Nor
// has one that was given its vote a moment ago, but it counts: etcd does not
// start when members are missing here, and knows the others by their URLs.
func initialCluster(all []etcd.Member, id uint64, name string) string {
	var list []string
	for _, m := range all {
		called := m.Name
		switch {
		case m.ID == id:
			called = name
		case called == "":
			called = fmt.Sprintf("%x", m.ID)
		}
		for _, u := range m.PeerURLs {
			list = append(list, called+"="+u)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

func (r *Runner) manifest(ctx context.Context, f desired.File) error {
	return r.Host.Put(ctx, host.Entry{Path: f.Path, Mode: f.Mode}, bytes.NewReader(f.Content))
}

// takeBack leaves the cluster as it was before a member that did not start.
func (r *Runner) takeBack(ctx context.Context, c *etcd.Client, m desired.Member, id uint64, cause error) error {
	// An interrupted run leaves the member: the next one goes on with it.
	if ctx.Err() != nil {
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, takeBackLimit)
	defer cancel()
	if err := r.Host.Remove(ctx, m.Manifest.Path); err != nil {
		return errors.Join(cause, err)
	}
	if err := c.Remove(ctx, id); err != nil {
		return fmt.Errorf("%w; and the learner could not be taken back: %w; on another control plane, run `etcdctl member remove %x` beside its etcd", cause, err, id)
	}
	if err := r.Host.Remove(ctx, path.Join(m.Data, "member")); err != nil {
		return errors.Join(cause, err)
	}
	return fmt.Errorf("the etcd member %s did not start within %s and was taken back, so that the cluster is as before: %w", m.Name, startLimit, cause)
}
