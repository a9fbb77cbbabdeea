package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"keelway.dev/keelway/internal/cluster/file/schema"
)

// newDocs writes what all commands say of themselves: docs/reference in the
// repository, and the man pages of the package.
func newDocs() *cobra.Command {
	var dir, format string
	c := &cobra.Command{
		Use:    "docs --dir DIR",
		Short:  "Write the reference of all commands",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if dir == "" {
				return usageError{fmt.Errorf("say where to write to: --dir DIR")}
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			root := c.Root()
			root.DisableAutoGenTag = true
			switch format {
			case "markdown":
				return writeMarkdown(root, dir)
			case "man":
				// The date is SOURCE_DATE_EPOCH where that is set.
				return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "keelway", Manual: "Keelway"}, dir)
			}
			return usageError{fmt.Errorf("cannot write as %q: --format takes markdown or man", format)}
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "the folder to write to")
	c.Flags().StringVar(&format, "format", "markdown", "markdown or man")
	return c
}

// writeMarkdown writes one page for each command of the first level, with what is
// below it, and README.md with the list of all. Pages of commands that are gone
// are removed.
func writeMarkdown(root *cobra.Command, dir string) error {
	old, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return err
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	var list strings.Builder
	list.WriteString("# Commands\n\nWritten by `make docs` from what the commands say of themselves. `--no-color`, or NO_COLOR in the environment, leaves colours out everywhere.\n\n| command | what it does |\n|---|---|\n")
	for _, c := range root.Commands() {
		if !c.IsAvailableCommand() {
			continue
		}
		var page strings.Builder
		name := strings.ReplaceAll(c.CommandPath(), " ", "_") + ".md"
		describe(&page, &list, c, name)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(page.String()), 0o644); err != nil {
			return err
		}
	}
	list.WriteString("\n## Exit codes\n\n| code | meaning |\n|---|---|\n")
	for _, e := range exitCodes() {
		fmt.Fprintf(&list, "| %d | %s |\n", e.code, e.meaning)
	}
	list.WriteString("\n## Files\n\n- [The cluster file](cluster-file.md): every field, its default and its meaning; [its JSON Schema](cluster.schema.json)\n")
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte(list.String()), 0o644); err != nil {
		return err
	}
	return writeClusterFile(dir)
}

// writeClusterFile writes what the cluster file's types say of themselves.
func writeClusterFile(dir string) error {
	page, err := schema.Markdown()
	if err != nil {
		return err
	}
	forEditors, err := schema.JSON()
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "cluster-file.md"), page, 0o644),
		os.WriteFile(filepath.Join(dir, "cluster.schema.json"), forEditors, 0o644),
	)
}

// describe adds a command, and those below it, to a page and to the list.
func describe(page, list *strings.Builder, c *cobra.Command, file string) {
	path := c.CommandPath()
	level, anchor := "#", ""
	if strings.Count(path, " ") > 1 {
		level, anchor = "##", "#"+strings.NewReplacer(" ", "-", ".", "").Replace(path)
		page.WriteString("\n")
	}
	if !strings.Contains(path, " phase ") { // a workflow's own page lists its phases
		fmt.Fprintf(list, "| [%s](%s%s) | %s |\n", path, file, anchor, c.Short)
	}
	words := cmp.Or(c.Long, c.Short)
	if c.Annotations[listed] != "" {
		words = strings.Replace(words, "\n", "\n\n```\n", 1) + "\n```"
	}
	fmt.Fprintf(page, "%s %s\n\n%s\n", level, path, words)
	fmt.Fprintf(page, "\n```\n%s\n```\n", unindented(usageLines(c)))
	if c.Example != "" {
		fmt.Fprintf(page, "\nExamples:\n\n```\n%s\n```\n", unindented(c.Example))
	}
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	add := func(f *pflag.Flag) {
		if f.Name != "help" && f.Name != "no-color" {
			own.AddFlag(f)
		}
	}
	c.LocalFlags().VisitAll(add)
	c.InheritedFlags().VisitAll(add)
	if own.HasAvailableFlags() {
		fmt.Fprintf(page, "\nFlags:\n\n```\n%s```\n", flagList(own, 100))
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			describe(page, list, sub, file)
		}
	}
}

// unindented takes the two blanks away that lines have in help.
func unindented(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "  "), "\n  ", "\n")
}

// exitCodes says what each exit code means.
func exitCodes() []struct {
	code    int
	meaning string
} {
	return []struct {
		code    int
		meaning string
	}{
		{exitOK, "done, or nothing to do"},
		{exitFailed, "something that was begun failed: after the fix, run it again"},
		{exitUsage, "what was asked for cannot be: nothing was done"},
		{exitPreflight, "the machine does not fit: nothing was done"},
		{exitRefused, "a rule forbids it: nothing was done"},
		{exitBusy, "another keelway is at work on this machine or cluster"},
		{exitInterrupted, "Ctrl-C or SIGTERM: run it again to go on"},
	}
}
