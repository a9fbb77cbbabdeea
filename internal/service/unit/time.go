package unit

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// span reads systemd's time spans: "5" (seconds), "100ms", "1min 30s", "infinity".
func span(value string) (time.Duration, error) {
	if value == "infinity" {
		return math.MaxInt64, nil
	}
	var total float64
	rest := strings.TrimSpace(value)
	if rest == "" {
		return 0, fmt.Errorf("no time is given")
	}
	for rest != "" {
		n := strings.IndexFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if n < 0 {
			n = len(rest)
		}
		number, err := strconv.ParseFloat(rest[:n], 64)
		if err != nil {
			return 0, fmt.Errorf("%q is no time", value)
		}
		rest = strings.TrimLeft(rest[n:], " \t")
		n = strings.IndexFunc(rest, func(r rune) bool { return r >= '0' && r <= '9' || r == ' ' || r == '\t' })
		if n < 0 {
			n = len(rest)
		}
		per, ok := perUnit(rest[:n])
		if !ok {
			return 0, fmt.Errorf("%q is no time: unknown unit %q", value, rest[:n])
		}
		total += number * float64(per)
		rest = strings.TrimLeft(rest[n:], " \t")
	}
	if total >= math.MaxInt64 {
		return math.MaxInt64, nil
	}
	return time.Duration(total), nil
}

// bound is a span for which 0 and infinity both mean "no bound", as 0.
func bound(value string) (time.Duration, error) {
	d, err := span(value)
	if d == math.MaxInt64 {
		d = 0
	}
	return d, err
}

func perUnit(name string) (time.Duration, bool) {
	switch name {
	case "us", "usec", "µs":
		return time.Microsecond, true
	case "ms", "msec":
		return time.Millisecond, true
	case "", "s", "sec", "second", "seconds":
		return time.Second, true
	case "m", "min", "minute", "minutes":
		return time.Minute, true
	case "h", "hr", "hour", "hours":
		return time.Hour, true
	case "d", "day", "days":
		return 24 * time.Hour, true
	case "w", "week", "weeks":
		return 7 * 24 * time.Hour, true
	}
	return 0, false
}
