package report

import (
	"io"
	"strings"

	"keelway.dev/keelway/internal/report/text"
)

// Table writes headers and rows in columns, aligned by the width that a
// terminal gives the characters, two spaces apart, with no space at a line's
// end. Cells are said in one line; rows may have more or fewer cells than
// headers; no headers means no header line. It returns the error of w.
func Table(w io.Writer, headers []string, rows [][]string) error {
	table := make([][]string, 0, len(rows)+1)
	if len(headers) > 0 {
		table = append(table, headers)
	}
	table = append(table, rows...)
	var widths []int
	for i, row := range table {
		cells := make([]string, len(row))
		for j, cell := range row {
			cells[j] = text.OneLine(cell)
			if j == len(widths) {
				widths = append(widths, 0)
			}
			widths[j] = max(widths[j], text.Columns(cells[j]))
		}
		table[i] = cells
	}
	var b strings.Builder
	for _, row := range table {
		var line strings.Builder
		for j, cell := range row {
			line.WriteString(text.Pad(cell, widths[j]+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
