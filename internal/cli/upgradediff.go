package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/operation"
)

func newUpgradeDiff(s streams) *cobra.Command {
	o := &upgradeFlags{}
	var opt operation.UpgradeOptions
	lines := 0
	c := &cobra.Command{
		Use:   "diff [version]",
		Short: "Show how the static pods of this machine would change",
		Long: `Show how the static pods of this machine would change with another version, as
unified differences: with the patches and the configuration that the machine was
made with. Without a version it shows what of them is not as configured. Nothing
is changed, and differences are no error.`,
		Example: `  keelway upgrade diff v1.37.0
  keelway upgrade diff`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.options(c, s, args, &opt); err != nil {
				return err
			}
			around := &lines
			if !c.Flags().Changed("context-lines") {
				around = nil
			}
			h, err := s.thisHost()
			if err != nil {
				return err
			}
			d, err := operation.DiffUpgrade(c.Context(), h, opt, around)
			if err != nil {
				return err
			}
			for _, w := range d.Warnings {
				fmt.Fprintln(s.err, "warning: "+w)
			}
			for _, text := range d.Texts {
				fmt.Fprint(s.out, text)
			}
			switch {
			case len(d.Texts) == 0:
				fmt.Fprintf(s.err, "no static pod of this machine would change with %s\n", d.Version)
			case d.Patches != "":
				fmt.Fprintln(s.err, "note: the patches in "+d.Patches+" are in what would be new")
			}
			return nil
		},
	}
	o.add(c)
	c.Flags().IntVarP(&lines, "context-lines", "c", 3, "how many unchanged lines to show around a change")
	c.Flags().StringVar(&opt.Patches, "patches", "", "a folder of patches (default: those that 'keelway init' was given)")
	return c
}
