package multicall

import (
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"
)

func TestCollectRarely(t *testing.T) {
	const before = 77 // what nobody asks for
	for _, c := range []struct {
		environment           string
		percent, first, later int
	}{
		{"20", 400, 400, 20},
		{"20", 40, 40, 20},
		{"0", 40, 40, 0},
		{"40", 40, before, before},
		{"50", 40, before, before},
		{"50", 400, 400, 50},
		{"100", 400, before, before},
		{"", 400, before, before},
		{"off", 400, before, before},
		{"-1", 400, before, before},
	} {
		t.Run(c.environment, func(t *testing.T) {
			t.Setenv("GOGC", c.environment)
			defer debug.SetGCPercent(debug.SetGCPercent(before))
			synctest.Test(t, func(t *testing.T) {
				CollectRarely(c.percent, time.Minute, time.Hour)
				time.Sleep(time.Minute - 1)
				first := percent()
				time.Sleep(2 * time.Nanosecond)
				if later := percent(); first != c.first || later != c.later {
					t.Errorf("at first %d, then %d; want %d, %d", first, later, c.first, c.later)
				}
			})
		})
	}
}

// percent is the GOGC that counts.
func percent() int {
	now := debug.SetGCPercent(-1)
	debug.SetGCPercent(now)
	return now
}
