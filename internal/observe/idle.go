package observe

import (
	"context"
	"path"
	"slices"
)

// idle are those of the links and paths of a pod network that are there though
// neither the kubelet nor a pod runs.
func (o *Observer) idle(ctx context.Context, targets []string) ([]string, error) {
	there := slices.DeleteFunc(slices.Clone(targets), func(t string) bool {
		if !path.IsAbs(t) {
			t = path.Join("/sys/class/net", t)
		}
		return !o.exists(ctx, t)
	})
	if len(there) == 0 {
		return nil, nil
	}
	if kubelet, err := o.Services.Status(ctx, "kubelet"); err != nil || kubelet.Running {
		return nil, err
	}
	pods, err := PodProcesses(ctx, o.Host)
	if err != nil || len(pods) > 0 {
		return nil, err
	}
	return there, nil
}
