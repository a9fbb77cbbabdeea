package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/fleet"
)

// remove takes nodes out of the cluster, on consent.
func (s streams) remove(ctx context.Context, f *fleet.Fleet, names []string, yes bool) error {
	if !yes {
		if err := s.confirm("This takes out of the cluster, with what is on them: " + strings.Join(names, ", ") + "."); err != nil {
			return err
		}
	}
	return f.Remove(ctx, names)
}

func newDestroy(s streams) *cobra.Command {
	o := &fleetFlags{bare: true}
	var yes bool
	c := &cobra.Command{
		Use:     "destroy -f FILE",
		Short:   "Remove from the machines of a cluster file what Keelway made there",
		Long:    "Remove from all machines of a cluster file, side by side, exactly what Keelway made\nthere, as 'keelway down' does on one. The cluster and everything in it is gone then.",
		Example: "  keelway destroy -f cluster.yaml\n  keelway destroy -f cluster.yaml --yes",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			events, end, err := s.record(c, o)
			if err != nil {
				return err
			}
			defer end()
			ctx := c.Context()
			f, leave, err := s.open(ctx, o, events)
			if err != nil {
				return fleetFailed(ctx, events, err)
			}
			defer leave()
			if !yes {
				if err := s.confirm("This removes the cluster from all its machines, with everything in it. Go on?"); err != nil {
					return err
				}
			}
			_, err = f.Destroy(ctx)
			return fleetFailed(ctx, events, err)
		},
	}
	o.add(c)
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}
