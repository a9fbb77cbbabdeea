package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

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

// writeMarkdown writes one file for each command, and README.md with the list of
// them. Files of commands that are gone are removed.
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
	if err := doc.GenMarkdownTree(root, dir); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("# Commands\n\nWritten by `make docs` from what the commands say of themselves.\n\n| command | what it does |\n|---|---|\n")
	listCommands(&b, root)
	b.WriteString("\n## Exit codes\n\n| code | meaning |\n|---|---|\n")
	for _, e := range exitCodes() {
		fmt.Fprintf(&b, "| %d | %s |\n", e.code, e.meaning)
	}
	b.WriteString("\n## Files\n\n- [The cluster file](cluster-file.md): every field, its default and its meaning; [its JSON Schema](cluster.schema.json)\n")
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte(b.String()), 0o644); err != nil {
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
		{exitBusy, "another keelway is at work on this machine"},
		{exitInterrupted, "Ctrl-C or SIGTERM: run it again to go on"},
	}
}

// listCommands adds a row for a command and for those below it.
func listCommands(b *strings.Builder, c *cobra.Command) {
	file := strings.ReplaceAll(c.CommandPath(), " ", "_") + ".md"
	fmt.Fprintf(b, "| [%s](%s) | %s |\n", c.CommandPath(), file, c.Short)
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			listCommands(b, sub)
		}
	}
}
