package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/operation"
)

func newDiagnose(s streams) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "diagnose",
		Short: "Say why a component does not work: its last words, the cause, what to do",
		Long: `Look at every component of the cluster on this machine. For each that does not
work, say how it ended, its last words, the cause where it is a known one (a
port, a certificate, a cgroup, an image, the disk, the network, ...) and what to
do next. Nothing is changed. The exit code is 0 when all work, 1 when one does not.`,
		Example: `  keelway diagnose
  keelway diagnose -o json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := s.machine(c.Context(), silent{})
			if err != nil {
				return err
			}
			found, installed, err := operation.Examine(c.Context(), m)
			if err != nil {
				return err
			}
			if err := s.print(output, found, func(w io.Writer) {
				for i, d := range found {
					if i > 0 {
						fmt.Fprintln(w)
					}
					fmt.Fprintln(w, d)
				}
				switch {
				case !installed:
					fmt.Fprintf(w, "There is no cluster on %s: `keelway up` makes one.\n", m.Host.Name())
				case len(found) == 0:
					fmt.Fprintln(w, "Every component that is installed works.")
				}
			}); err != nil {
				return err
			}
			if len(found) > 0 || !installed {
				return silentError{errUnhealthy}
			}
			return nil
		},
	}
	addData(c, &output)
	return c
}
