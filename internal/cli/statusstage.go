package cli

import (
	"fmt"
	"io"

	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/report"
)

// printStages prints the map: the files of each stage, then how every component
// should be after each and how it is.
func printStages(w io.Writer, r *operation.StatusReport, width int) {
	if len(r.Stages) == 0 {
		return
	}
	for _, s := range r.Stages {
		there, all := 0, 0
		var rows [][]string
		for _, f := range s.Files {
			mark, mode := "-", "absent"
			switch {
			case f.Exists:
				mark, mode = "+", f.Mode
			case f.Optional:
				mark = " "
			}
			if !f.Optional {
				all++
				if f.Exists {
					there++
				}
			}
			rows = append(rows, []string{mark, f.Path, mode, f.Writer, f.Role})
		}
		done := "not done"
		if s.Done {
			done = "done"
		}
		fmt.Fprintf(w, "\nStage %d: %s: %s (%d of %d files)\n", s.Number, s.Name, done, there, all)
		hanging(w, "  ", rows, width)
	}
	fmt.Fprintln(w)
	headers := []string{"COMPONENT", "RUNS AS"}
	for _, s := range r.Stages {
		headers = append(headers, fmt.Sprintf("AFTER STAGE %d", s.Number))
	}
	headers = append(headers, "NOW")
	var rows [][]string
	for i, c := range r.Stages[0].Components {
		row := []string{c.Name, string(c.Runs)}
		for _, s := range r.Stages {
			row = append(row, s.Components[i].Should)
		}
		rows = append(rows, append(row, string(c.Now)))
	}
	node := "none"
	if !r.API && r.Installed {
		node = "unknown: the API does not answer"
	}
	for _, n := range r.Nodes {
		node = "NotReady"
		if n.Ready {
			node = "Ready"
		}
	}
	rows = append(rows, []string{"the node", "", "-", "-", "NotReady", "Ready", node})
	_ = report.Table(w, headers, rows)
}
