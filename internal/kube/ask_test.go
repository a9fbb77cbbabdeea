package kube

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestAsk: what is asked again, and for how long.
func TestAsk(t *testing.T) {
	of := schema.GroupResource{Resource: "configmaps"}
	busy := apierrors.NewTooManyRequests("too many", 1)
	for name, row := range map[string]struct {
		answers []error // the last one again and again
		asked   int     // 0 is until the time is over
		err     error
	}{
		"an answer at once":         {[]error{nil}, 1, nil},
		"turned away, then heard":   {[]error{busy, errors.New("timed out"), nil}, 3, nil},
		"not there":                 {[]error{apierrors.NewNotFound(of, "x")}, 1, apierrors.NewNotFound(of, "x")},
		"forbidden after a failure": {[]error{busy, apierrors.NewForbidden(of, "x", nil)}, 2, apierrors.NewForbidden(of, "x", nil)},
		"no valid token":            {[]error{apierrors.NewUnauthorized("x")}, 1, apierrors.NewUnauthorized("x")},
		"turned away for good":      {[]error{busy}, 0, busy},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				began, asked := time.Now(), 0
				_, err := Ask(ctx, func(context.Context) (int, error) {
					answer := row.answers[min(asked, len(row.answers)-1)]
					asked++
					return 0, answer
				})
				if (err == nil) != (row.err == nil) || err != nil && err.Error() != row.err.Error() {
					t.Errorf("%v, want %v", err, row.err)
				}
				took := time.Since(began)
				if row.asked == 0 && (took != time.Minute || asked < 60 || asked > 120) || row.asked > 0 && asked != row.asked {
					t.Errorf("asked %d times in %s, want %d", asked, took, row.asked)
				}
			})
		})
	}
}
