package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/report"
)

func newDown(s streams) *cobra.Command {
	var o operation.DownOptions
	var output, kubeconfig string
	var yes bool
	var verbose int
	c := &cobra.Command{
		Use:   "down",
		Short: "Remove the cluster from this machine, and exactly what was made for it",
		Long: `Remove the cluster from this machine, with all its data, and give back what was
replaced. What others made stays: their files, rules, links and containers.`,
		Example: `  keelway down
  keelway down --yes --output json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if o.KubeConfig, err = kubeconfigPath(kubeconfig); err != nil {
				return usageError{err}
			}
			if !yes {
				if err := s.confirm("This deletes the cluster on this machine and all its data."); err != nil {
					return err
				}
			}
			events, end, err := report.Choose(s.out, output, report.Options{NoColor: noColor(c), Verbose: verbose})
			if err != nil {
				return usageError{err}
			}
			defer end()
			return s.onMachine(c.Context(), events, func(m *operation.Machine) error {
				_, err := operation.Down(c.Context(), m, o)
				return err
			})
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	c.Flags().StringVar(&kubeconfig, "kubeconfig", "", "forgets the cluster (default ~/.kube/config; or 'none')")
	addVerbose(c.Flags(), &verbose)
	addOutput(c, &output)
	return c
}

// canAsk tells whether there is a terminal to ask on.
func (s streams) canAsk() bool {
	in, ok := s.in.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(in.Fd()))
}

// confirm asks on a terminal; elsewhere it says to add --yes.
func (s streams) confirm(what string) error { return s.confirmOr(what, "--yes") }

// confirmOr is confirm where another flag gives consent.
func (s streams) confirmOr(what, flag string) error {
	if !s.canAsk() {
		return usageError{fmt.Errorf("%s Nothing was changed: there is no terminal to ask on; add %s to go on", what, flag)}
	}
	fmt.Fprintf(s.err, "%s Go on? [y/N] ", what)
	if !s.yes() {
		return usageError{fmt.Errorf("nothing was changed")}
	}
	return nil
}

// yes reads the answer to a question.
func (s streams) yes() bool {
	var answer string
	_, _ = fmt.Fscanln(s.in, &answer) // no answer is no
	a := strings.ToLower(answer)
	return a == "y" || a == "yes"
}
