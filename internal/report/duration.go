package report

import (
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
)

// Duration says d as kubectl does, in at most two units: "45s", "2m10s",
// "5h12m", "364d", "9y". A negative one, such as the time left of an expired
// certificate, has a minus sign.
func Duration(d time.Duration) string {
	if d < 0 {
		if d == math.MinInt64 {
			d++ // the one value that has no opposite
		}
		return "-" + duration.HumanDuration(-d)
	}
	return duration.HumanDuration(d)
}

// elapsed says how long a step took, in seconds that a person compares: "0.31s",
// "12.3s", "2m05s", "1h02m".
func elapsed(seconds float64) string {
	switch {
	case math.IsNaN(seconds) || seconds < 0:
		return "0.00s" // the clock was set back
	case seconds < 9.995:
		return fmt.Sprintf("%.2fs", seconds)
	case seconds < 59.95:
		return fmt.Sprintf("%.1fs", seconds)
	}
	return minutes(seconds)
}

// ticking is elapsed for a figure that changes while one looks: one digit less.
func ticking(d time.Duration) string {
	if s := max(0, d.Seconds()); s < 59.95 {
		return fmt.Sprintf("%.1fs", s)
	}
	return minutes(d.Seconds())
}

func minutes(seconds float64) string {
	s := int64(math.Round(min(seconds, math.MaxInt32)))
	if s < 3600 {
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	}
	return fmt.Sprintf("%dh%02dm", s/3600, s%3600/60)
}
