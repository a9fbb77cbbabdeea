package cli

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// commands lists every command that a user sees, and its path.
func commands(t *testing.T) map[string]*cobra.Command {
	t.Helper()
	root := newRoot(streams{in: strings.NewReader(""), out: os.Stdout, err: os.Stderr, self: "keelway"})
	all := map[string]*cobra.Command{}
	var add func(c *cobra.Command)
	add = func(c *cobra.Command) {
		all[c.CommandPath()] = c
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				add(sub)
			}
		}
	}
	add(root)
	return all
}

// TestHelpFitsAScreen: 60 lines of 100 columns, and an example where there is
// more than one way to call a command.
func TestHelpFitsAScreen(t *testing.T) {
	all := commands(t)
	if len(all) < 60 {
		t.Fatalf("there are %d commands only", len(all))
	}
	for path, c := range all {
		var b bytes.Buffer
		c.SetOut(&b)
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(b.String(), "\n"); lines > 60 {
			t.Errorf("%s --help has %d lines", path, lines)
		}
		for line := range strings.Lines(b.String()) {
			if strings.Count(line, "")-2 > 100 {
				t.Errorf("%s --help has a line wider than 100 columns: %s", path, line)
			}
		}
		if c.Short == "" {
			t.Errorf("%s does not say what it is for", path)
		}
		if c.Example == "" && strings.Count(path, " ") <= 1 && c.HasAvailableLocalFlags() && c.Name() != "version" {
			t.Errorf("%s has no example", path)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	for _, row := range []struct{ args, want string }{
		{"statu", "did you mean status?"},
		{"certs renwe", "did you mean renew?"},
		{"lab creat", "did you mean create?"},
		{"init phase certs apisever", "did you mean apiserver?"},
		{"up --kubernetes-versiom v1.37.0", "did you mean --kubernetes-version?"},
		{"down --outputt json", "did you mean --output?"},
		{"nothing-like-it", `unknown command "nothing-like-it" for "keelway"; see 'keelway --help'`},
	} {
		root := newRoot(streams{in: strings.NewReader(""), out: os.Stdout, err: os.Stderr})
		root.SetArgs(strings.Fields(row.args))
		err := root.Execute()
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("keelway %s: %v, want %q", row.args, err, row.want)
		}
		if exitCode(t.Context(), err) != exitUsage {
			t.Errorf("keelway %s ends with %d", row.args, exitCode(t.Context(), err))
		}
	}
}

func TestVerbosity(t *testing.T) {
	for _, row := range []struct {
		args string
		want int
	}{{"", 0}, {"-v", 1}, {"-vv", 2}, {"-v 2", 2}, {"--v=5", 5}, {"--v 5", 5}, {"--verbose", 1}, {"-v --until certs", 1}} {
		c := newUp(streams{})
		root := &cobra.Command{}
		root.SetGlobalNormalizationFunc(sameFlag)
		root.AddCommand(c)
		if err := c.ParseFlags(commandLine(append([]string{"keelway"}, strings.Fields(row.args)...))); err != nil {
			t.Errorf("%q: %v", row.args, err)
			continue
		}
		if got, err := c.Flags().GetCount("verbose"); err != nil || got != row.want || c.Flags().NArg() > 0 {
			t.Errorf("%q is level %d, %v, with %v left over", row.args, got, err, c.Flags().Args())
		}
	}
	ssh := []string{"keelway", "lab", "ssh", "cp1", "--", "ls", "-v", "1"}
	if got := commandLine(ssh); !slices.Equal(got, ssh[1:]) {
		t.Errorf("what another program is told was changed: %v", got)
	}
}

// TestReferenceHasEveryCommand: pages for people hold every command that they
// can call, and no other.
func TestReferenceHasEveryCommand(t *testing.T) {
	dir := t.TempDir()
	all := commands(t)
	if err := writeMarkdown(all["keelway"], dir); err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	found := map[string]bool{"keelway": true}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^##? (keelway.*)$`).FindAllStringSubmatch(string(text), -1) {
			found[m[1]] = true
		}
	}
	for path := range all {
		if !found[path] {
			t.Errorf("no page describes %s", path)
		}
		delete(found, path)
	}
	if len(found) > 0 {
		t.Errorf("pages describe what is no command: %v", found)
	}
}

func TestCompletion(t *testing.T) {
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"up", "--profile", "k"}, "kubeadm"},
		{[]string{"up", "--kubernetes-version", "v1.3"}, "v1.37.0"},
		{[]string{"up", "--until", "kubelet-s"}, "kubelet-start"},
		{[]string{"explain", "/etc/kubernetes/pki/ca.c"}, "/etc/kubernetes/pki/ca.crt"},
		{[]string{"init", "--skip-phases", "addon/c"}, "addon/coredns"},
		{[]string{"status", "--output", "y"}, "yaml"},
		{[]string{"cer"}, "certs"},
	} {
		var b bytes.Buffer
		root := newRoot(streams{in: strings.NewReader(""), out: os.Stdout, err: os.Stderr, self: "keelway"})
		root.SetOut(&b)
		root.SetErr(io.Discard)
		root.SetArgs(append([]string{cobra.ShellCompRequestCmd}, row.args...))
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		found := slices.ContainsFunc(strings.Split(b.String(), "\n"), func(line string) bool {
			name, _, _ := strings.Cut(line, "\t")
			return name == row.want
		})
		if !found {
			t.Errorf("%v is completed to %q, want %q among them", row.args, b.String(), row.want)
		}
	}
}
