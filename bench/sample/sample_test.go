package sample

import "testing"

func TestSample(t *testing.T) {
	for _, row := range []struct {
		name          string
		s             Sample
		median        float64
		spread        string
		other         Sample
		ratioOfMedian float64
	}{
		{name: "none"},
		{name: "one", s: Sample{3}, median: 3, spread: "3.00-3.00", other: Sample{6}, ratioOfMedian: 0.5},
		{name: "odd", s: Sample{9, 1, 2}, median: 2, spread: "1.00-9.00", other: Sample{18, 4, 2}, ratioOfMedian: 0.5},
		{name: "even", s: Sample{4, 1, 2, 3}, median: 2.5, spread: "1.00-4.00", other: Sample{4, 1, 1, 1}, ratioOfMedian: 1.5},
		{name: "a pair is missing", s: Sample{4, 8}, median: 6, spread: "4.00-8.00", other: Sample{8}, ratioOfMedian: 0.5},
		{name: "nothing to divide by", s: Sample{4}, median: 4, spread: "4.00-4.00", other: Sample{0}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.s.Median(); got != row.median {
				t.Errorf("median %v, want %v", got, row.median)
			}
			if got := row.s.Spread(); got != row.spread {
				t.Errorf("spread %q, want %q", got, row.spread)
			}
			if got := row.s.Ratio(row.other); got != row.ratioOfMedian {
				t.Errorf("ratio %v, want %v", got, row.ratioOfMedian)
			}
		})
	}
}

func TestNumber(t *testing.T) {
	for f, want := range map[float64]string{0.04567: "0.046", 1.234: "1.23", 12.34: "12.3", 912.3: "912"} {
		if got := Number(f); got != want {
			t.Errorf("Number(%v) = %q, want %q", f, got, want)
		}
	}
}
