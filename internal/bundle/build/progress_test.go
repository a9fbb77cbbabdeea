package build

import (
	"testing"
	"time"
)

func TestStages(t *testing.T) {
	cache := t.TempDir()
	var seen recorder
	list := []Stage{{"one", 100}, {"two", 100}, {"three", 200}}
	s := NewStages(seen.report, cache, list)
	s.Start("one", "do one")
	s.Step("half", 0.5)
	s.Finish()
	s.Skip("two", "do two")
	s.Start("three", "do three")
	s.Finish()
	for i, want := range []struct {
		low, high float64 // of the fraction
		remaining time.Duration
	}{
		{0, 0.01, 400 * time.Second},      // one begins
		{0, 0.01, 350 * time.Second},      // half of one, in no time
		{0, 0.01, 300 * time.Second},      // one is done
		{0, 0.01, 200 * time.Second},      // two has nothing to do
		{0, 0.01, 200 * time.Second},      // three begins
		{0.99, 1, 100 * time.Millisecond}, // all is done
	} {
		p := seen.reports[i]
		if p.Fraction < want.low || p.Fraction > want.high || (p.Remaining-want.remaining).Abs() > time.Second {
			t.Errorf("report %d: fraction %.3f, remaining %v; want %.2f to %.2f, %v", i, p.Fraction, p.Remaining, want.low, want.high, want.remaining)
		}
	}
	// The next build expects what this one took.
	seen.reports = nil
	NewStages(seen.report, cache, list).Start("one", "do one")
	if got := seen.reports[0].Remaining; (got - 100*time.Second).Abs() > time.Second {
		t.Errorf("remaining is %v, want the 100 s of the stage that was never measured", got)
	}
}

// A stage of which little was left says nothing about the whole of it.
func TestStagesForgetSmallShares(t *testing.T) {
	cache := t.TempDir()
	var seen recorder
	list := []Stage{{"one", 100}}
	s := NewStages(seen.report, cache, list)
	s.Start("one", "do one")
	s.Reduce(0.1)
	s.Step("a package", 0)
	if got := seen.reports[1].Remaining; (got - 10*time.Second).Abs() > time.Second {
		t.Errorf("remaining is %v, want 10 s", got)
	}
	s.Finish()
	seen.reports = nil
	NewStages(seen.report, cache, list).Start("one", "do one")
	if got := seen.reports[0].Remaining; (got - 100*time.Second).Abs() > time.Second {
		t.Errorf("remaining is %v, want 100 s", got)
	}
}
