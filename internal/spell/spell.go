// Package spell finds the names that a mistyped one may have meant.
package spell

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// Like lists at most five of names that differ little from name, the nearest
// first: the whole, or the last part of what is written with slashes.
func Like(name string, names []string) []string {
	type near struct {
		name     string
		distance int
	}
	var list []near
	short := path.Base(name)
	for _, n := range names {
		d := min(Distance(name, n), Distance(short, path.Base(n))+1)
		if strings.Contains(n, short) && len(short) > 2 {
			d = min(d, 2)
		}
		if d <= max(2, len(short)/3) && d < len(short) { // else nothing of it would be left
			list = append(list, near{n, d})
		}
	}
	slices.SortStableFunc(list, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
	var out []string
	for _, n := range list[:min(5, len(list))] {
		out = append(out, n.name)
	}
	return out
}

// Distance is how many letters must be changed, added or taken away to turn
// one word into the other (Levenshtein).
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost++
			}
			corner = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
