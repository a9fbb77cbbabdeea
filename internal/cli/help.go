package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keelway.dev/keelway/internal/report/text"
)

// group is a heading of the list of commands.
type group struct {
	id, title string
	commands  []*cobra.Command
}

// addGroups adds commands below their headings.
func addGroups(root *cobra.Command, groups ...group) {
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, c := range g.commands {
			c.GroupID = g.id
			root.AddCommand(c)
		}
	}
}

// listed marks a command whose description names its sub-commands already.
const listed = "listed"

// usage writes how a command is called, in no more lines than are needed: each
// flag once, wrapped to the terminal.
func (s streams) usage(c *cobra.Command) error {
	var b strings.Builder
	section := func(title, body string) {
		if body = strings.TrimRight(body, "\n"); body != "" {
			fmt.Fprintf(&b, "\n%s:\n%s\n", title, body)
		}
	}
	section("Usage", usageLines(c))
	section("Examples", c.Example)
	for _, g := range c.Groups() {
		section(g.Title, commandList(c, g.ID))
	}
	rest := "Commands"
	if len(c.Groups()) > 0 {
		rest = "Others"
	}
	if c.Annotations[listed] == "" {
		section(rest, commandList(c, ""))
	}
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	all.AddFlagSet(c.LocalFlags())
	all.AddFlagSet(c.InheritedFlags())
	section("Flags", flagList(all, s.width()))
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n'%s COMMAND --help' says more of a command.\n", c.CommandPath())
	}
	_, err := fmt.Fprint(c.OutOrStderr(), strings.TrimPrefix(b.String(), "\n"))
	return err
}

// usageLines are the forms in which a command is called.
func usageLines(c *cobra.Command) string {
	own := false
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { own = own || f.Name != "help" })
	switch {
	case !c.HasAvailableSubCommands():
		return "  " + c.UseLine()
	case own:
		return "  " + c.UseLine() + "\n  " + c.CommandPath() + " COMMAND"
	}
	return "  " + c.CommandPath() + " COMMAND"
}

// commandList is the commands of a group with what they do.
func commandList(c *cobra.Command, id string) string {
	var b strings.Builder
	for _, sub := range c.Commands() {
		if sub.GroupID == id && (sub.IsAvailableCommand() || sub.Name() == "help") {
			fmt.Fprintf(&b, "  %-*s  %s\n", sub.NamePadding(), sub.Name(), sub.Short)
		}
	}
	return b.String()
}

// flagList is the flags with what they are for, wrapped. A name that is too long
// for the first column stands on a line of its own, or runs into the second.
func flagList(all *pflag.FlagSet, width int) string {
	const first = 42
	var names, texts []string
	column := 0
	all.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		kind, words := pflag.UnquoteUsage(f)
		name := "      --" + f.Name
		if f.Shorthand != "" {
			name = "  -" + f.Shorthand + ", --" + f.Name
		}
		if kind != "" {
			name += " " + kind
		}
		if !slices.Contains([]string{"", "0", "0s", "false", "[]"}, f.DefValue) {
			words += " (default " + f.DefValue + ")"
		}
		names, texts = append(names, name), append(texts, words)
		if len(name) <= first {
			column = max(column, len(name)+2)
		}
	})
	var b strings.Builder
	for i, name := range names {
		lines := text.Wrap(texts[i], max(20, width-column))
		switch {
		case len(name)+2 <= column:
			name = text.Pad(name, column)
		case len(name)+2+text.Columns(texts[i]) <= width:
			name, lines = name+"  ", []string{texts[i]}
		default:
			fmt.Fprintln(&b, name)
			name = strings.Repeat(" ", column)
		}
		for _, line := range lines {
			fmt.Fprintln(&b, name+line)
			name = strings.Repeat(" ", column)
		}
	}
	return b.String()
}

// addVerbose takes -v, -vv, and kubeadm's --v=2 and -v 2.
func addVerbose(f *pflag.FlagSet, level *int) {
	f.CountVarP(level, "verbose", "v", "reasons and files of each step; -vv: what it waits for")
}

// sameFlag lets kubeadm's --v stand for --verbose.
func sameFlag(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	if name == "v" {
		name = "verbose"
	}
	return pflag.NormalizedName(name)
}

// joinLevel writes "-v 2" as "-v=2": a level is optional here, as it is not in
// kubeadm, and would be taken for an argument.
func joinLevel(args []string) []string {
	var out []string
	for i, a := range args {
		if a == "--" {
			return append(out, args[i:]...)
		}
		if last := len(out) - 1; last >= 0 && (out[last] == "-v" || out[last] == "--v") && isLevel(a) {
			out[last] += "=" + a
			continue
		}
		out = append(out, a)
	}
	return out
}

func isLevel(s string) bool { return len(s) > 0 && len(s) < 3 && strings.Trim(s, "0123456789") == "" }
