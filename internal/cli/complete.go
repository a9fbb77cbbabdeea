package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/lab"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/release"
)

// completion is what a shell asks for while a command line is typed.
type completion = func(c *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective)

// beginning offers those of names that begin with what was typed.
func beginning(names func(c *cobra.Command, args []string) []string) completion {
	return func(c *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
		var fit []string
		for _, n := range names(c, args) {
			if strings.HasPrefix(n, start) {
				fit = append(fit, n)
			}
		}
		return fit, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFlag offers values for a flag.
func completeFlag(c *cobra.Command, name string, values func(c *cobra.Command, args []string) []string) {
	_ = c.RegisterFlagCompletionFunc(name, beginning(values))
}

func versions(*cobra.Command, []string) []string {
	var all []string
	for _, r := range release.All() {
		all = append(all, r.Kubernetes)
	}
	return all
}

func profiles(*cobra.Command, []string) []string {
	return []string{string(cluster.Hardened), string(cluster.Kubeadm)}
}

// phasesHere are those of `up` on this machine.
func (s streams) phasesHere(c *cobra.Command, _ []string) []string {
	m, err := s.machine(c.Context(), silent{})
	if err != nil {
		return nil
	}
	phases, err := operation.Phases(c.Context(), m)
	if err != nil {
		return nil
	}
	return phases
}

func labs(*cobra.Command, []string) []string {
	all, _ := lab.List()
	var names []string
	for _, l := range all {
		names = append(names, l.Name)
	}
	return names
}

// labHosts offers the hosts of the lab that --lab names.
func labHosts(name *string) completion {
	return beginning(func(*cobra.Command, []string) []string {
		l, err := lab.Open(*name)
		if err != nil {
			return nil
		}
		var names []string
		for _, h := range l.Hosts {
			names = append(names, h.Name)
		}
		return names
	})
}
