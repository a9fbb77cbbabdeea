package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/plan/diff"
	"keelway.dev/keelway/internal/report/text"
)

// diffLines is how much of one difference is shown unasked.
const diffLines = 20

// look is how a plan is shown to people.
type look struct {
	plain, verbose bool
	// diff shows differences whole, and the content of what is new.
	diff bool
}

// painter gives text a colour where there is a terminal that wants one.
func (l look) painter(out io.Writer) func(code, text string) string {
	colours := !l.plain && isTerminal(out) && os.Getenv("NO_COLOR") == ""
	return func(code, text string) string {
		if !colours || code == "" {
			return text
		}
		return "\x1b[" + code + "m" + text + "\x1b[0m"
	}
}

// printDiffs shows how the files and objects of a step change on a host.
func (l look) printDiffs(out io.Writer, s plan.Step) {
	paint := l.painter(out)
	for _, d := range diff.Of(s) {
		switch {
		case d.New && !l.diff:
		case d.Text != "":
			l.printDiff(out, d.Text, paint)
		case l.diff || s.Change == plan.Update:
			fmt.Fprintf(out, "            %s: not shown: %s\n", d.Name, d.Hidden)
		}
	}
}

func (l look) printDiff(out io.Writer, words string, paint func(code, text string) string) {
	lines := strings.Split(strings.TrimSuffix(words, "\n"), "\n")
	left := 0
	if !l.diff && len(lines) > diffLines {
		lines, left = lines[:diffLines], len(lines)-diffLines
	}
	for i, line := range lines {
		code := map[byte]string{'+': "32", '-': "31", '@': "36"}[(line + " ")[0]]
		if i < 2 {
			code = "1" // the names
		}
		fmt.Fprintln(out, "            "+paint(code, text.Clean(line)))
	}
	if left > 0 {
		fmt.Fprintf(out, "            … %d more lines: --diff shows them\n", left)
	}
}

// diffsOf are a step's differences as data: what changes always, what is new
// when it is asked for.
func diffsOf(s plan.Step, all bool) []diff.Diff {
	var list []diff.Diff
	for _, d := range diff.Of(s) {
		if all || !d.New {
			list = append(list, d)
		}
	}
	return list
}
