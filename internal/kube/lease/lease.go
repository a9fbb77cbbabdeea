// Package lease keeps two operators of one cluster apart, by a Lease in the cluster itself.
package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	coordination "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	client "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

// Name is the Lease's, in kube-system.
const Name = "keelway"

const (
	// duration is how long a Lease that nobody renews is another's.
	duration = 15 * time.Second
	// renewal is short enough that one or two may fail.
	renewal = 4 * time.Second
	// look is how often another's Lease is looked at.
	look = time.Second
)

// Lock says whose the Lease is to be, and how it is reached.
type Lock struct {
	// Who is what others are told: the process, its machine and its command.
	Who    string
	Client func(ctx context.Context) (kubernetes.Interface, error)
	Now    func() time.Time
	// Waiting is told what is waited for.
	Waiting func(words string)
}

// HeldError says who has the Lease.
type HeldError struct {
	Holder string
	Since  time.Time
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("another keelway is at work on this cluster: %s, since %s (Lease kube-system/%s, renewed a moment ago); nothing was changed by this one; wait for it to end and run this again",
		e.Holder, e.Since.UTC().Format(time.RFC3339), Name)
}

// LostError says that another operator has taken the Lease over.
type LostError struct{ Holder string }

func (e *LostError) Error() string {
	return fmt.Sprintf("another keelway has taken this cluster over (%s), because this one had not renewed the Lease kube-system/%s for %s: nothing more is begun; when it has ended, run this again", e.Holder, Name, duration)
}

// Take takes the Lease, and renews it until release is called, which gives it
// back. Another's is not waited for while it is renewed; one that is not renewed
// for as long as it says is taken over. Only what is seen counts, not the clocks
// of two machines. held ends with a LostError when another takes it over.
func (l Lock) Take(ctx context.Context) (held context.Context, release func(), err error) {
	mine, err := l.take(ctx)
	if err != nil {
		return nil, nil, err
	}
	held, lose := context.WithCancelCause(ctx)
	// A run that was told to end finishes its steps, under the Lease still.
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.renew(renewing, mine, lose)
	}()
	return held, func() {
		stop()
		<-ended
		lose(context.Canceled)
		l.giveBack(context.WithoutCancel(ctx), mine)
	}, nil
}

func (l Lock) leases(ctx context.Context) (client.LeaseInterface, error) {
	c, err := l.Client(ctx)
	if err != nil {
		return nil, err
	}
	return c.CoordinationV1().Leases(metav1.NamespaceSystem), nil
}

func (l Lock) take(ctx context.Context) (*coordination.Lease, error) {
	var seen *coordination.Lease // another's, as it was at first
	var since time.Time
	for {
		lease, err := l.try(ctx, seen != nil && l.Now().Sub(since) >= lasts(seen))
		var theirs *theirsError
		switch {
		case err == nil:
			return lease, nil
		case !errors.As(err, &theirs):
			return nil, fmt.Errorf("cannot take the Lease kube-system/%s, which keeps two operators apart: %w", Name, err)
		case seen == nil:
			seen, since = theirs.lease, l.Now()
			l.Waiting(fmt.Sprintf("the cluster is another keelway's (%s): waiting up to %s to see whether it still renews its Lease", *seen.Spec.HolderIdentity, lasts(seen)))
		case !equality.Semantic.DeepEqual(seen.Spec, theirs.lease.Spec):
			held := &HeldError{Holder: *theirs.lease.Spec.HolderIdentity}
			if t := theirs.lease.Spec.AcquireTime; t != nil {
				held.Since = t.Time
			}
			return nil, held
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(look):
		}
	}
}

// lasts is how long a Lease may go without being renewed.
func lasts(l *coordination.Lease) time.Duration {
	if s := l.Spec.LeaseDurationSeconds; s != nil && *s > 0 && *s < 600 {
		return time.Duration(*s) * time.Second
	}
	return duration
}

// theirsError is a Lease that somebody else has.
type theirsError struct{ lease *coordination.Lease }

func (e *theirsError) Error() string { return "it is " + *e.lease.Spec.HolderIdentity + "'s" }

// try makes the Lease this one's when it is nobody's, or when another's may be
// taken over.
func (l Lock) try(ctx context.Context, over bool) (*coordination.Lease, error) {
	api, err := l.leases(ctx)
	if err != nil {
		return nil, err
	}
	have, err := api.Get(ctx, Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		fresh := &coordination.Lease{ObjectMeta: metav1.ObjectMeta{Name: Name, Namespace: metav1.NamespaceSystem}}
		l.sign(fresh)
		if have, err = api.Create(ctx, fresh, metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
			return have, err
		}
		have, err = api.Get(ctx, Name, metav1.GetOptions{})
	}
	if err != nil {
		return nil, err
	}
	if holder := have.Spec.HolderIdentity; holder != nil && *holder != "" && !over {
		return nil, &theirsError{have}
	}
	l.sign(have)
	mine, err := api.Update(ctx, have, metav1.UpdateOptions{})
	if apierrors.IsConflict(err) { // another was quicker, or it is renewed after all
		if have, err = api.Get(ctx, Name, metav1.GetOptions{}); err == nil && have.Spec.HolderIdentity != nil {
			return nil, &theirsError{have}
		}
	}
	return mine, err
}

// sign makes a Lease this one's, from now on.
func (l Lock) sign(lease *coordination.Lease) {
	now, seconds := metav1.NewMicroTime(l.Now()), int32(duration/time.Second)
	lease.Spec = coordination.LeaseSpec{HolderIdentity: &l.Who, AcquireTime: &now, RenewTime: &now, LeaseDurationSeconds: &seconds}
}
