package survey

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Clock is what a host believes about time.
type Clock struct {
	// Now is its clock, to the second; Boot when it started, by that clock.
	Now, Boot time.Time
	// RTC is its battery clock read as UTC; zero where it has none.
	RTC time.Time
}

// Clock reads the host's own clock from /proc, without running a command: the
// kernel gives the time of its start by the present clock, and its age.
func (s *Survey) Clock(ctx context.Context) (Clock, error) {
	return s.clock.get(func() (Clock, error) {
		var c Clock
		stat, err := s.Text(ctx, "/proc/stat")
		if err != nil {
			return c, err
		}
		uptime, err := s.Text(ctx, "/proc/uptime")
		if err != nil {
			return c, err
		}
		boot, err := bootTime(stat)
		if err != nil {
			return c, err
		}
		age, _, _ := strings.Cut(uptime, " ")
		seconds, err := strconv.ParseFloat(age, 64)
		if err != nil {
			return c, fmt.Errorf("/proc/uptime: %w", err)
		}
		c.Boot = time.Unix(boot, 0).UTC()
		c.Now = c.Boot.Add(time.Duration(math.Round(seconds)) * time.Second)
		// A battery clock that cannot be read tells nothing.
		if rtc, err := s.Text(ctx, "/sys/class/rtc/rtc0/since_epoch"); err == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(rtc), 10, 64); err == nil {
				c.RTC = time.Unix(n, 0).UTC()
			}
		}
		return c, nil
	})
}

func bootTime(stat string) (int64, error) {
	for line := range strings.Lines(stat) {
		if text, ok := strings.CutPrefix(line, "btime "); ok {
			return strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		}
	}
	return 0, fmt.Errorf("/proc/stat has no line btime")
}
