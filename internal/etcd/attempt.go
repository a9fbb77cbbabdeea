package etcd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// once does a request within the time that one may take, and repeats it in
// this time while etcd is without a leader for a moment. A member that ends
// under it is no answer of the others: they are asked as often as there are any.
func (c *Client) once(ctx context.Context, do func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	others := len(c.endpoints) - 1
	return repeat(bounded, func(err error) bool {
		if leaderless(err) {
			return true
		}
		others--
		return others >= 0 && unreachable(err)
	}, do)
}

// until repeats a change of the members until it is done or ctx ends.
func until(ctx context.Context, transient func(error) bool, do func(context.Context) error) error {
	return repeat(ctx, func(err error) bool { return leaderless(err) || unreachable(err) || transient(err) }, func(ctx context.Context) error {
		one, cancel := context.WithTimeout(ctx, change)
		defer cancel()
		return do(one)
	})
}

// repeat returns the last words of etcd itself when ctx ends, not that it ended.
func repeat(ctx context.Context, transient func(error) bool, do func(context.Context) error) error {
	var last error
	for {
		err := do(ctx)
		if err == nil {
			return nil
		}
		if !ended(err) || last == nil {
			last = err
		}
		if !ended(err) && !transient(err) {
			return err
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return last
		case <-time.After(again):
		}
	}
}

// ended tells whether a request ran out of time or was cancelled.
func ended(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		status.Code(err) == codes.DeadlineExceeded || status.Code(err) == codes.Canceled || is(err, rpctypes.ErrGRPCDeadlineExceeded)
}

// leaderless tells whether etcd said that it has no leader, or a new one.
func leaderless(err error) bool {
	return is(err, rpctypes.ErrGRPCNoLeader, rpctypes.ErrGRPCNotLeader, rpctypes.ErrGRPCLeaderChanged, rpctypes.ErrGRPCTimeout, rpctypes.ErrGRPCTimeoutDueToLeaderFail,
		rpctypes.ErrGRPCTimeoutDueToConnectionLost, rpctypes.ErrGRPCTimeoutWaitAppliedIndex) ||
		// A learner among the endpoints: the next one is asked next.
		is(err, rpctypes.ErrGRPCNotSupportedForLearner, errDropped)
}

// What etcd passes on of raft, under no name of its own: it has no leader to
// bring a change to, or the member that was asked has just left.
var (
	errDropped = errors.New("raft proposal dropped")
	errStopped = errors.New("raft: stopped")
)

// unreachable tells whether there was no connection; a certificate that is
// refused stays refused.
func unreachable(err error) bool {
	if is(err, rpctypes.ErrGRPCStopped, errStopped) {
		return true
	}
	words := err.Error()
	return code(err) == codes.Unavailable && !known(err) && !strings.Contains(words, "tls: ") && !strings.Contains(words, "x509: ")
}

// refused tells whether etcd would not change its members now, for the sake of
// its quorum.
func refused(err error) bool {
	return is(err, rpctypes.ErrGRPCUnhealthy, rpctypes.ErrGRPCMemberNotEnoughStarted)
}

// is compares the texts: one error of etcd comes as a status or as its own type.
func is(err error, any ...error) bool {
	text := rpctypes.ErrorDesc(err)
	return slices.ContainsFunc(any, func(one error) bool { return rpctypes.ErrorDesc(one) == text })
}

// known tells whether the error is one of etcd's own.
func known(err error) bool {
	var e rpctypes.EtcdError
	return errors.As(rpctypes.Error(err), &e) && strings.HasPrefix(e.Error(), "etcdserver: ")
}

func code(err error) codes.Code {
	var e rpctypes.EtcdError
	if errors.As(rpctypes.Error(err), &e) {
		return e.Code()
	}
	return status.Code(err)
}

// explain puts an error into words: what cannot be had, through which
// endpoints, why, and what to do next.
func explain(what string, endpoints []string, err error) error {
	if err == nil {
		return nil
	}
	next := ""
	words := err.Error()
	switch {
	case errors.Is(err, context.Canceled):
	case strings.Contains(words, "x509: ") || strings.Contains(words, "tls: "):
		next = "the certificates do not fit those of this etcd: compare pki/etcd/ca.crt on both hosts, and look at the dates with `keelway certs check-expiration`"
	case refused(err):
		next = "etcd changes no member while another one does not answer: start that member, or remove it if it will not come back"
	case is(err, rpctypes.ErrGRPCTooManyLearners):
		next = "another member is being added: wait for it, or remove the learner if it will not come"
	case is(err, rpctypes.ErrGRPCLearnerNotReady):
		next = "the new member has not caught up with the leader: look whether etcd runs there with `crictl ps -a --name etcd`, and what it says with `crictl logs`"
	case is(err, rpctypes.ErrGRPCMemberNotFound):
		next = "it was removed: list the members again"
	case leaderless(err) || ended(err):
		next = "most of the members do not answer, so that etcd has no quorum: start them (`crictl ps -a --name etcd` on their hosts), or restore a snapshot"
	case unreachable(err):
		next = "no member answers there: look whether etcd runs with `crictl ps -a --name etcd`, and whether port 2379 is open"
	}
	if next == "" {
		return fmt.Errorf("%s through %s: %w", what, strings.Join(endpoints, ", "), err)
	}
	return fmt.Errorf("%s through %s: %w; %s", what, strings.Join(endpoints, ", "), err, next)
}
