package lease

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
)

func lockOf(who string, c kubernetes.Interface) Lock {
	return Lock{
		Who: who, Now: time.Now, Waiting: func(string) {},
		Client: func(context.Context) (kubernetes.Interface, error) { return c, nil },
	}
}

func holder(t *testing.T, c kubernetes.Interface) string {
	t.Helper()
	l, err := c.CoordinationV1().Leases(metav1.NamespaceSystem).Get(t.Context(), Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return *l.Spec.HolderIdentity
}

// TestTwoOperators: while one renews, the other is told who it is and since
// when; when it has given the Lease back, the other may begin at once.
func TestTwoOperators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fake.NewClientset()
		began := time.Now()
		held, release, err := lockOf("process 1 on a", c).Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		asked := time.Now()
		_, _, err = lockOf("process 2 on b", c).Take(t.Context())
		var other *HeldError
		if !errors.As(err, &other) || other.Holder != "process 1 on a" || !other.Since.Equal(began) {
			t.Fatalf("the second got %v", err)
		}
		if took := time.Since(asked); took > renewal+2*look {
			t.Errorf("was told after %s", took)
		}
		if words := other.Error(); !strings.Contains(words, "process 1 on a") || !strings.Contains(words, began.UTC().Format(time.RFC3339)) {
			t.Errorf("says %q", words)
		}
		if held.Err() != nil {
			t.Errorf("the first lost it: %v", context.Cause(held))
		}
		release()
		if h := holder(t, c); h != "" {
			t.Errorf("after release it is %s's", h)
		}
		asked = time.Now()
		_, release, err = lockOf("process 2 on b", c).Take(t.Context())
		if err != nil || time.Since(asked) > look {
			t.Fatalf("after release: %v in %s", err, time.Since(asked))
		}
		release()
	})
}

// TestStale: a Lease that nobody renews is taken over after its duration and not
// before, and who had it notices and does not give back what is another's.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fake.NewClientset()
		asleep, stopped := false, errors.New("stopped")
		first := lockOf("process 1 on a", c)
		first.Client = func(context.Context) (kubernetes.Interface, error) {
			if asleep {
				return nil, stopped
			}
			return c, nil
		}
		held, release, err := first.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		asleep = true
		time.Sleep(time.Hour) // how long ago does not count: the clocks may differ
		asked := time.Now()
		second := lockOf("process 2 on b", c)
		var said string
		second.Waiting = func(words string) { said = words }
		_, free, err := second.Take(t.Context())
		if took := time.Since(asked); err != nil || took < duration || took > duration+2*look {
			t.Fatalf("taken over after %s: %v", took, err)
		}
		if !strings.Contains(said, "process 1 on a") {
			t.Errorf("said %q", said)
		}
		asleep = false
		time.Sleep(2 * renewal)
		var lost *LostError
		if !errors.As(context.Cause(held), &lost) || lost.Holder != "process 2 on b" {
			t.Errorf("the first goes on: %v", context.Cause(held))
		}
		release()
		if h := holder(t, c); h != "process 2 on b" {
			t.Errorf("the first gave back the second's: %q", h)
		}
		free()
	})
}

// TestOutage: an API server that does not answer for a while costs nobody the Lease.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fake.NewClientset()
		down := false
		l := lockOf("process 1 on a", c)
		l.Client = func(context.Context) (kubernetes.Interface, error) {
			if down {
				return nil, errors.New("connection refused")
			}
			return c, nil
		}
		held, release, err := l.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		down = true
		time.Sleep(time.Minute)
		down = false
		if err := c.CoordinationV1().Leases(metav1.NamespaceSystem).Delete(t.Context(), Name, metav1.DeleteOptions{}); err != nil { // by hand
			t.Fatal(err)
		}
		time.Sleep(2 * renewal)
		if held.Err() != nil || holder(t, c) != "process 1 on a" {
			t.Errorf("%v, it is %q's", context.Cause(held), holder(t, c))
		}
		release()
		if h := holder(t, c); h != "" {
			t.Errorf("after release it is %s's", h)
		}
	})
}
