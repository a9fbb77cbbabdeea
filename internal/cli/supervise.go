package cli

import (
	"time"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/service/supervisor"
)

// newSupervise is the body of the built-in supervisor, not a command for people.
func newSupervise(streams) *cobra.Command {
	return &cobra.Command{
		Use:                "supervise",
		Short:              "Keep services running where no init system does (started by keelway itself)",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			trimLater()
			return supervisor.Command(c.Context(), []string{desired.SelfPath, "supervise"}, args)
		},
	}
}

// trimLater gives memory back when a service's start is over. That it fails is
// no reason to end the service.
func trimLater() { time.AfterFunc(30*time.Second, func() { _ = local.Trim() }) }
