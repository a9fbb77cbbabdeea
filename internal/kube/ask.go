package kube

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
)

// Pause is how long to wait before a question is asked again: uneven, so that
// machines which were turned away in the same moment do not come back in one.
func Pause() time.Duration { return wait.Jitter(500*time.Millisecond, 1) }

// Ask asks until there is an answer that a second question would not change, or
// ctx ends, and returns the last error. An API server that many ask at once
// lets some of them wait too long, or turns them away.
func Ask[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	for {
		answer, err := ask(ctx)
		if err == nil || apierrors.IsNotFound(err) || apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, err
		case <-time.After(Pause()):
		}
	}
}
