package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"keelway.dev/keelway/bench/sample"
	"keelway.dev/keelway/bench/watch"
)

// page is everything that was measured, as the tables of a Markdown page that
// can be read in a terminal too.
func (b *bench) page() string {
	var out strings.Builder
	out.WriteString(b.machine())
	out.WriteString(align(b.table()))
	for _, s := range []struct{ name, title string }{
		{"present", "Images present, containerd running: seconds until"}, {"bare", "Nothing but the bundle: seconds until"},
		{"fleet-present", "3 control planes and 2 workers, images present: seconds until"}, {"fleet-bare", "3 control planes and 2 workers, nothing but the bundle: seconds until"},
	} {
		if rows := b.timelineRows(s.name); len(rows) > 1 {
			out.WriteString("\n" + s.title + "\n\n" + align(rows))
		}
	}
	if rows := b.usageRows(); len(rows) > 1 {
		fmt.Fprintf(&out, "\nMemory of the idle cluster after %s, PSS in MB\n\n%s", b.settle, align(rows))
	}
	return out.String()
}

// table is one row for each figure and bound.
func (b *bench) table() [][]string {
	rows := [][]string{{"what", "reference", "spread", "Keelway", "spread", "ratio", "target", ""}}
	for _, f := range b.all() {
		for _, r := range f.results() {
			row := []string{f.name, "", "", with(r.Ours, r.Unit), f.ours.Spread(), "", "", ""}
			if len(f.reference) > 0 {
				row[1], row[2], row[5] = with(r.Reference, r.Unit), f.reference.Spread(), sample.Number(r.Ratio)
			}
			switch r.TargetOf {
			case "ratio":
				row[6] = fmt.Sprintf("ratio %g", r.Target)
			case "ours":
				row[6] = fmt.Sprintf("%g %s", r.Target, r.Unit)
			}
			if r.TargetOf != "" {
				row[7] = map[bool]string{true: "met", false: "missed"}[r.Met]
			}
			rows = append(rows, row)
		}
	}
	return rows
}

func with(f float64, unit string) string { return sample.Number(f) + " " + unit }

func (b *bench) timelineRows(scenario string) [][]string {
	rows := [][]string{{"moment", "reference", "spread", "Keelway", "spread"}}
	for _, m := range watch.Moments() {
		theirs, ours := b.times(scenario, theReference, m), b.times(scenario, itself, m)
		if len(ours) > 0 {
			rows = append(rows, []string{string(m), number(theirs.Median()), theirs.Spread(), number(ours.Median()), ours.Spread()})
		}
	}
	return rows
}

// usageRows is a row for each program, the largest first.
func (b *bench) usageRows() [][]string {
	medians := map[side]map[string]float64{theReference: {}, itself: {}}
	runs := map[side]map[string]sample.Sample{theReference: {}, itself: {}}
	count := map[string]int{}
	for _, u := range b.usage {
		for _, p := range u.programs {
			runs[u.side][p.Program] = append(runs[u.side][p.Program], float64(p.PSS)/(1<<20))
			count[p.Program] = p.Processes
		}
	}
	for who, byProgram := range runs {
		for program, s := range byProgram {
			medians[who][program] = s.Median()
		}
	}
	programs := slices.Collect(maps.Keys(count))
	slices.SortFunc(programs, func(x, y string) int {
		return int(1000 * (medians[itself][y] + medians[theReference][y] - medians[itself][x] - medians[theReference][x]))
	})
	rows := [][]string{{"program", "processes", "reference", "Keelway"}}
	for _, p := range programs {
		rows = append(rows, []string{p, fmt.Sprint(count[p]), number(medians[theReference][p]), number(medians[itself][p])})
	}
	return rows
}

// number leaves out what was not measured.
func number(f float64) string {
	if f == 0 {
		return ""
	}
	return sample.Number(f)
}

// align writes rows as a Markdown table whose columns are aligned; the first
// row is the heading.
func align(rows [][]string) string {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], len(cell), 3)
		}
	}
	var out strings.Builder
	for n, row := range rows {
		for i, cell := range row {
			fmt.Fprintf(&out, "| %-*s ", width[i], cell)
		}
		out.WriteString("|\n")
		if n == 0 {
			for _, w := range width {
				out.WriteString("|" + strings.Repeat("-", w+2))
			}
			out.WriteString("|\n")
		}
	}
	return out.String()
}

// The marks between which a page holds the last tables.
const (
	beginMark = "<!-- written by make bench -->\n"
	endMark   = "<!-- end -->\n"
)

// writeDocument puts the tables between the marks of a page.
func writeDocument(path, tables string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(old, []byte(beginMark))
	_, after, end := bytes.Cut(rest, []byte(endMark))
	if !ok || !end {
		return fmt.Errorf("%s has not got the lines %q and %q, between which the tables go", path, strings.TrimSpace(beginMark), strings.TrimSpace(endMark))
	}
	text := string(before) + beginMark + "\n" + tables + "\n" + endMark + string(after)
	return os.WriteFile(path, []byte(text), 0o644)
}
