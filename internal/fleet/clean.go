package fleet

import (
	"context"
	"fmt"
	"time"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/service"
)

// clean removes what was made on a machine that is no longer in the file.
func (f *Fleet) clean(ctx context.Context, l Leftover) error {
	if n := f.named(l.Node); n != nil {
		if n.lost != nil {
			return n.lost
		}
		_, err := operation.Down(ctx, n.machine, operation.DownOptions{})
		return err
	}
	h := file.Host{Name: l.Node, Address: l.Address, NodeAddress: l.Address, NodeName: l.Node}
	if f.File.Spec.SSH != nil {
		h.SSH = *f.File.Spec.SSH
	}
	machine, err := f.Connect(h)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if _, err := machine.Stat(ctx, "/proc"); err != nil {
		return err
	}
	services, err := service.DetectRemote(ctx, machine)
	if err != nil {
		return err
	}
	m, err := operation.NewMachine(ctx, machine, services, f.Events)
	if err != nil {
		return err
	}
	_, err = operation.Down(ctx, m, operation.DownOptions{})
	return err
}

// removed cleans the machine of one that the cluster has no more: a run that was
// interrupted may have left that to do.
func (f *Fleet) removed(ctx context.Context, name string) error {
	if f.named(name) == nil {
		return fmt.Errorf("%s is no node of the cluster, and no member of its etcd", name)
	}
	if err := f.clean(ctx, Leftover{Node: name}); err != nil {
		return fmt.Errorf("%s is no longer in the cluster, but the machine is not cleaned: %w", name, err)
	}
	return nil
}
