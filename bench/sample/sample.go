// Package sample says in few numbers what many measurements came to.
package sample

import (
	"fmt"
	"slices"
)

// Sample is a row of measurements of one thing, in one unit.
type Sample []float64

// Median is the middle one, or the mean of the two in the middle; 0 of none.
func (s Sample) Median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Spread is the smallest and the largest, such as "8.1-9.3"; "" of none.
func (s Sample) Spread() string {
	if len(s) == 0 {
		return ""
	}
	return fmt.Sprintf("%s-%s", Number(slices.Min(s)), Number(slices.Max(s)))
}

// Ratio is the median of the ratios of each pair, a measurement of s and the
// one of other that was made right beside it; 0 when there is no pair. Pairs
// stand closer in time than medians do, so what else the machine does weighs less.
func (s Sample) Ratio(other Sample) float64 {
	var ratios Sample
	for i := range min(len(s), len(other)) {
		if other[i] != 0 {
			ratios = append(ratios, s[i]/other[i])
		}
	}
	return ratios.Median()
}

// Number writes a measurement with three digits, or more where it is larger.
func Number(f float64) string {
	switch {
	case f >= 100:
		return fmt.Sprintf("%.0f", f)
	case f >= 10:
		return fmt.Sprintf("%.1f", f)
	case f >= 1:
		return fmt.Sprintf("%.2f", f)
	}
	return fmt.Sprintf("%.3f", f)
}
