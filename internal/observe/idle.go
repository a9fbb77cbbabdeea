package observe

import (
	"context"
	"path"
	"slices"

	"keelway.dev/keelway/internal/observed"
)

// idle are those of the links and paths of a pod network that are there though
// neither the kubelet nor a pod runs. known are the services that were asked about.
func (o *Observer) idle(ctx context.Context, targets []string, known map[string]observed.Service) ([]string, error) {
	there := slices.DeleteFunc(slices.Clone(targets), func(t string) bool {
		if !path.IsAbs(t) {
			t = path.Join("/sys/class/net", t)
		}
		return !o.exists(ctx, t)
	})
	if len(there) == 0 {
		return nil, nil
	}
	kubelet, asked := known["kubelet"]
	if !asked {
		st, err := o.Services.Status(ctx, "kubelet")
		if err != nil {
			return nil, err
		}
		kubelet.Running = st.Running
	}
	if kubelet.Running {
		return nil, nil
	}
	pods, err := PodProcesses(ctx, o.Host)
	if err != nil || len(pods) > 0 {
		return nil, err
	}
	return there, nil
}
