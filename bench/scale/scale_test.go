package scale

import (
	"testing"
	"time"
)

// TestMeasure: simulated machines that were made as planned leave nothing to
// plan, and bare ones much.
func TestMeasure(t *testing.T) {
	t.Parallel()
	for _, made := range []bool{false, true} {
		r, err := Measure(7, made, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if r.Seconds <= 0 || r.Peak < 1<<20 || made != (r.Steps == 0) {
			t.Errorf("made %v: %+v", made, r)
		}
		t.Logf("%+v", r)
	}
}
