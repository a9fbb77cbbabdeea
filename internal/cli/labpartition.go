package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/lab"
)

// partitionReport is how the network of a lab is parted.
type partitionReport struct {
	Lab string `json:"lab"`
	// Groups are the hosts that reach each other; none when all do.
	Groups [][]string `json:"groups"`
}

func newLabPartition(s streams, name *string) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "partition [HOST,HOST...]...",
		Short: "Part the lab's network, or show how it is parted",
		Long: `Part the lab's network: hosts of different groups no longer reach each other,
also not by connections that are open. Each argument is a group; hosts that are
not named are one more. A new partition takes the place of the old one, and a
host that is stopped and started stays in its group. This machine reaches every
host all the time. Without a group it only shows what is.`,
		Example: `  keelway lab partition cp1              # cp1 alone, all others together
  keelway lab partition cp1,w1 cp2       # three groups: cp1 w1, cp2, the rest
  keelway lab partition -o json
  keelway lab heal`,
		RunE: func(_ *cobra.Command, args []string) error {
			if !slices.Contains([]string{"text", "json", "yaml"}, output) {
				return usageError{fmt.Errorf("cannot print as %q: --output takes text, json or yaml", output)}
			}
			l, err := lab.Open(*name)
			if err != nil {
				return err
			}
			if len(args) > 0 {
				groups, err := l.GroupsOf(args)
				if err != nil {
					return usageError{err}
				}
				if err := l.Partition(groups); err != nil {
					return err
				}
			}
			r := partitionReport{Lab: l.Name, Groups: [][]string{}}
			groups, err := l.Partitioned()
			if err != nil {
				return err
			}
			r.Groups = append(r.Groups, groups...)
			return s.print(output, r, func(w io.Writer) { printPartition(w, r) })
		},
	}
	addData(c, &output)
	return c
}

func printPartition(w io.Writer, r partitionReport) {
	if len(r.Groups) == 0 {
		fmt.Fprintf(w, "The lab %s is whole: every host reaches every other.\n", r.Lab)
		return
	}
	fmt.Fprintf(w, "The lab %s is parted. These reach each other, and nobody else:\n", r.Lab)
	for _, g := range r.Groups {
		fmt.Fprintf(w, "  %s\n", strings.Join(g, " "))
	}
	fmt.Fprintf(w, "\nNext:\n  keelway lab heal --lab %s\n", r.Lab)
}

func newLabHeal(name *string) *cobra.Command {
	return &cobra.Command{
		Use: "heal", Short: "Let every host of the lab reach every other again", Args: cobra.NoArgs,
		Example: "  keelway lab heal",
		RunE: func(*cobra.Command, []string) error {
			l, err := lab.Open(*name)
			if err != nil {
				return err
			}
			return l.Heal()
		},
	}
}
