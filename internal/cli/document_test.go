package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentedCommands: every command line of keelway in a document can be
// called like that: the command, its flags and the number of its arguments.
func TestDocumentedCommands(t *testing.T) {
	pages := []string{"../../README.md", "../../CONTRIBUTING.md"}
	err := filepath.WalkDir("../../docs", func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" {
			pages = append(pages, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range commandLines(string(text)) {
			checked++
			if err := callable(line); err != nil {
				t.Errorf("%s: `%s`: %v", strings.TrimPrefix(page, "../../"), line, err)
			}
		}
	}
	if checked < 100 {
		t.Errorf("found %d command lines only", checked)
	}
}

func TestCommandLines(t *testing.T) {
	const text = "Use `keelway up`.\n```\n$ keelway status --stages     what is there\nkeelway up on vm: this is printed\n```\n\n```\nkeelway config print init-defaults > kubeadm.yaml      all\n" +
		"keelway lab ssh cp1 -- /mnt/share/keelway up   # there\nkeelway down [--yes]\nkeelway up · Kubernetes\n```\nkeelway is a program\n"
	got := strings.Join(commandLines(text), "|")
	if want := "keelway up|keelway status --stages|keelway config print init-defaults|keelway lab ssh cp1 -- /mnt/share/keelway up"; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
	for _, wrong := range []string{"keelway upp", "keelway up --nonsense", "keelway certs renew nonsense", "keelway status here", "keelway lab create --workers many"} {
		if callable(wrong) == nil {
			t.Errorf("%s is said to be callable", wrong)
		}
	}
}

var (
	inline = regexp.MustCompile("`(keelway [^`]+)`")
	// substituted is what a shell fills in.
	substituted = regexp.MustCompile(`\$\([^)]*\)`)
	rest        = regexp.MustCompile(`\s{2,}.*$|\s[>|#;&].*$`)
)

// commandLines are those of keelway in a page, from fenced blocks and from the
// text, without what a shell does with them and without remarks.
func commandLines(page string) []string {
	var all []string
	fenced, prompts := false, false
	for line := range strings.Lines(page) {
		line = strings.TrimRight(line, "\n")
		var found []string
		typed, prompt := strings.CutPrefix(strings.TrimSpace(line), "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			fenced, prompts = !fenced, false
		case fenced && (prompt || !prompts):
			prompts = prompts || prompt // what stands below has been printed
			found = []string{typed}
		case fenced:
		default:
			for _, m := range inline.FindAllStringSubmatch(line, -1) {
				found = append(found, m[1])
			}
		}
		for _, f := range found {
			f = rest.ReplaceAllString(f, "")
			// Forms with parts left out, and what a program has printed.
			if strings.HasPrefix(f, "keelway ") && !strings.ContainsAny(f, "[]·…") && !strings.HasSuffix(f, "...") && !strings.Contains(f, " COMMAND") {
				all = append(all, f)
			}
		}
	}
	return all
}

// callable says why a command line would be refused before anything is done.
func callable(line string) error {
	root := newRoot(streams{in: strings.NewReader(""), out: os.Stdout, err: os.Stderr})
	root.InitDefaultCompletionCmd("bash")
	line = strings.NewReplacer("'", "", `"`, "", `\`, "").Replace(substituted.ReplaceAllString(line, "x"))
	c, args, err := root.Find(commandLine(strings.Fields(line)))
	if err != nil {
		return err
	}
	if c.DisableFlagParsing {
		return nil
	}
	if err := c.ParseFlags(args); err != nil {
		return err
	}
	if len(args) == 0 {
		return nil // a text speaks of the command, without an example's arguments
	}
	return c.ValidateArgs(c.Flags().Args())
}
