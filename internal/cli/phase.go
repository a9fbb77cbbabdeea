package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keelway.dev/keelway/internal/desired/phase"
)

// workflow is a command that runs in phases, and each of which can be called
// alone: `keelway init`, `keelway init phase certs apiserver`.
type workflow struct {
	tree []phase.Phase
	// flags adds to a command the flags that its phases take; paths are theirs,
	// nil for the whole workflow.
	flags func(f *pflag.FlagSet, paths []string)
	// args are the words that the workflow and its phases take, none for nil.
	args cobra.PositionalArgs
	// run runs the phases of those paths, nil for all.
	run func(c *cobra.Command, args, only []string) error
}

// bind adds `phase` with its tree below a command.
func (w workflow) bind(c *cobra.Command) {
	w.flags(c.Flags(), nil)
	if w.args == nil {
		w.args = cobra.NoArgs
	}
	c.Args = w.args
	c.RunE = func(c *cobra.Command, args []string) error { return w.call(c, args, nil) }
	short := "Run one phase of " + c.Name() + " alone"
	group := &cobra.Command{
		Use: "phase", Short: short, Long: short + ":\n" + phaseList(w.tree), Args: cobra.NoArgs,
		Annotations: map[string]string{listed: "by its description"},
		RunE:        func(c *cobra.Command, _ []string) error { return needsPhase(c) },
	}
	for _, p := range w.tree {
		group.AddCommand(w.command(p, ""))
	}
	c.AddCommand(group)
	_ = c.RegisterFlagCompletionFunc("skip-phases", cobra.FixedCompletions(phase.Paths(w.tree), cobra.ShellCompDirectiveNoFileComp))
}

func (w workflow) command(p phase.Phase, above string) *cobra.Command {
	path := above + p.Name
	c := &cobra.Command{Use: p.Name, Aliases: p.Aliases, Short: p.Short, Args: cobra.NoArgs}
	if len(p.Phases) == 0 {
		w.leaf(c, []string{path})
		return c
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return needsPhase(c) }
	all := &cobra.Command{Use: phase.All, Short: "All of them: " + strings.ToLower(p.Short[:1]) + p.Short[1:], Args: cobra.NoArgs}
	w.leaf(all, []string{path})
	c.AddCommand(all)
	for _, sub := range p.Phases {
		c.AddCommand(w.command(sub, path+"/"))
	}
	return c
}

func (w workflow) leaf(c *cobra.Command, paths []string) {
	w.flags(c.Flags(), paths)
	c.Args = w.args
	c.RunE = func(c *cobra.Command, args []string) error { return w.call(c, args, paths) }
}

func (w workflow) call(c *cobra.Command, args, only []string) error {
	if err := mixed(c.Flags()); err != nil {
		return usageError{err}
	}
	return w.run(c, args, only)
}

// takes says whether a flag that phases of those names take is one of the
// command's for paths; nil is the whole workflow.
func takes(paths []string, names ...string) bool {
	if paths == nil {
		return true
	}
	p := paths[0]
	return slices.ContainsFunc(names, func(n string) bool {
		return p == n || strings.HasPrefix(p, n+"/") || strings.HasPrefix(n, p+"/")
	})
}

// needsPhase is the answer to a group that was called without one of its parts.
func needsPhase(c *cobra.Command) error {
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	return usageError{fmt.Errorf("which phase? '%s' takes one of %s", c.CommandPath(), strings.Join(names, ", "))}
}

// phaseList is a tree as text, with aliases.
func phaseList(tree []phase.Phase) string {
	type line struct{ name, short string }
	var lines []line
	var add func(tree []phase.Phase, indent, slash string)
	add = func(tree []phase.Phase, indent, slash string) {
		for _, p := range tree {
			lines = append(lines, line{indent + slash + strings.Join(append([]string{p.Name}, p.Aliases...), ", "), p.Short})
			add(p.Phases, indent+"  ", "/")
		}
	}
	add(tree, "  ", "")
	width := 0
	for _, l := range lines {
		width = max(width, len(l.name))
	}
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%-*s  %s\n", width, l.name, l.short)
	}
	return strings.TrimRight(b.String(), "\n")
}

// besideConfig are the flags that may stand beside --config: kubeadm's rule,
// and Keelway's own flags, which no configuration has.
func besideConfig() []string {
	return []string{
		"config", "ignore-preflight-errors", "dry-run", "kubeconfig", "node-name", "kubeconfig-dir", "upload-certs",
		"print-manifest", "output", "print-join-command", "rootfs", "v", "yes",
		"bundle", "strict", "verbose", "no-color", "help",
	}
}

// mixed refuses flags that say what the configuration file says.
func mixed(f *pflag.FlagSet) error {
	if !f.Changed("config") {
		return nil
	}
	var others []string
	f.Visit(func(one *pflag.Flag) {
		if !slices.Contains(besideConfig(), one.Name) && !strings.HasPrefix(one.Name, "skip-") {
			others = append(others, one.Name)
		}
	})
	if len(others) > 0 {
		return fmt.Errorf("can not mix '--config' with arguments %v", others)
	}
	return nil
}

var errNoTree = errors.New("--rootfs takes a folder that is the root of another system: its files can be written, but nothing can be started there; call the phases that write files")
