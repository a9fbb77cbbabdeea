package lease

import (
	"context"
	"time"

	coordination "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// renew renews the Lease until ctx ends or another has it. An API server that
// does not answer, because this very run restarts it, is asked again.
func (l Lock) renew(ctx context.Context, mine *coordination.Lease, lose context.CancelCauseFunc) {
	tick := time.NewTicker(renewal)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if holder, lost := l.again(ctx, mine); lost {
			lose(&LostError{Holder: holder})
			return
		}
	}
}

// again renews once; lost is true when the Lease is another's.
func (l Lock) again(ctx context.Context, mine *coordination.Lease) (holder string, lost bool) {
	ctx, cancel := context.WithTimeout(ctx, renewal)
	defer cancel()
	api, err := l.leases(ctx)
	if err != nil {
		return "", false
	}
	have, err := api.Get(ctx, Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err): // by hand
		_, _ = api.Create(ctx, &coordination.Lease{ObjectMeta: metav1.ObjectMeta{Name: Name, Namespace: metav1.NamespaceSystem}, Spec: mine.Spec}, metav1.CreateOptions{})
		return "", false
	case err != nil:
		return "", false
	case !l.owns(have, mine):
		if have.Spec.HolderIdentity != nil {
			holder = *have.Spec.HolderIdentity
		}
		return holder, true
	}
	now := metav1.NewMicroTime(l.Now())
	have.Spec.RenewTime = &now
	_, _ = api.Update(ctx, have, metav1.UpdateOptions{}) // who else has it, the next look tells
	return "", false
}

// owns is false of a Lease that was taken over, even by a process of the same name.
func (l Lock) owns(have, mine *coordination.Lease) bool {
	return have.Spec.HolderIdentity != nil && *have.Spec.HolderIdentity == l.Who &&
		have.Spec.AcquireTime != nil && have.Spec.AcquireTime.Equal(mine.Spec.AcquireTime)
}

// giveBack deletes the Lease, if it still is this one's and the API answers: one
// that stays is taken over by the next.
func (l Lock) giveBack(ctx context.Context, mine *coordination.Lease) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	api, err := l.leases(ctx)
	if err != nil {
		return
	}
	have, err := api.Get(ctx, Name, metav1.GetOptions{})
	if err != nil || !l.owns(have, mine) {
		return
	}
	_ = api.Delete(ctx, Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &have.UID, ResourceVersion: &have.ResourceVersion}})
}
