package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/diagnose/component"
)

// workload asks the API how many pods of a Deployment or DaemonSet are
// available. Without an API the containers of this host are all there is to see.
func (st *State) workload(ctx context.Context, seen Seen) {
	if errors.Is(seen.APIError, fs.ErrNotExist) && len(st.Containers) == 0 {
		// Without an administrator's kubeconfig there is no cluster to have it.
		st.Health, st.Answer = Absent, "there is no API to hold it"
		return
	}
	if seen.API == nil {
		st.Health, st.Answer = Unknown, "the API does not answer"
		if n := st.runningContainers(); n > 0 {
			st.Answer += fmt.Sprintf("; %d of its containers run here", n)
		} else if seen.Runtime != nil && len(st.Containers) == 0 {
			st.Answer += "; no container of it is here"
		}
		return
	}
	available, wanted, err := st.count(ctx, seen)
	switch {
	case apierrors.IsNotFound(err):
		st.Health, st.Answer = Absent, fmt.Sprintf("%s %s/%s does not exist", st.Kind, st.Namespace, st.Workload)
	case err != nil:
		st.Health, st.Answer = Unknown, Plain(err.Error())
	case wanted == 0 && st.Kind == component.DaemonSet:
		st.Health, st.Answer = Unhealthy, "the controller manager has asked for no pod of it yet"
	default:
		st.Answer = fmt.Sprintf("%d of %d pods available", available, wanted)
		st.Health = Unhealthy
		if available >= wanted && wanted > 0 {
			st.Health = Healthy
		}
	}
}

// here judges a DaemonSet's pod by what runs on this host.
func (s Sources) here(st *State, a answer, seen Seen) {
	switch {
	case seen.Runtime == nil:
		st.Answer = "the container runtime does not answer"
	case len(st.Containers) == 0:
		st.Health, st.Answer = Absent, "no container of it is here"
	case !st.Running:
		st.Health, st.Answer = Unhealthy, ended(st.Containers[0])
	case a.asked && !a.ok:
		st.Health, st.Answer = Unhealthy, a.words
	case st.Restarts > 0 && s.Now().Sub(st.begun()) < young:
		st.Health, st.Answer = Starting, "it was started again a moment ago"
	default:
		st.Health = Healthy
	}
}

func (st *State) count(ctx context.Context, seen Seen) (available, wanted int32, err error) {
	apps := seen.API.Typed.AppsV1()
	if st.Kind == component.DaemonSet {
		d, err := apps.DaemonSets(st.Namespace).Get(ctx, st.Workload, metav1.GetOptions{})
		if err != nil {
			return 0, 0, err
		}
		return d.Status.NumberAvailable, d.Status.DesiredNumberScheduled, nil
	}
	d, err := apps.Deployments(st.Namespace).Get(ctx, st.Workload, metav1.GetOptions{})
	if err != nil {
		return 0, 0, err
	}
	wanted = 1
	if d.Spec.Replicas != nil {
		wanted = *d.Spec.Replicas
	}
	return d.Status.AvailableReplicas, wanted, nil
}
