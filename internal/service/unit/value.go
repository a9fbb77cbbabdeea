package unit

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func services(old []string, value string) []string {
	if value == "" {
		return nil
	}
	for _, w := range strings.Fields(value) {
		if name, ok := strings.CutSuffix(w, suffix); ok && !slices.Contains(old, name) {
			old = append(old, name)
		}
	}
	return old
}

func list(old []string, value string) []string {
	if value == "" {
		return nil
	}
	return append(old, strings.Fields(value)...)
}

func boolean(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "1", "yes", "y", "true", "t", "on":
		return true, nil
	case "0", "no", "n", "false", "f", "off":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither yes nor no", value)
}

func signal(value string) (int, error) {
	if n, err := strconv.Atoi(value); err == nil && n > 0 && n < 65 {
		return n, nil
	}
	if n := unix.SignalNum("SIG" + strings.TrimPrefix(value, "SIG")); n != 0 {
		return int(n), nil
	}
	return 0, fmt.Errorf("%q is no signal", value)
}

func amount(value string) (uint64, error) {
	value = strings.TrimSpace(value)
	if value == "infinity" {
		return math.MaxUint64, nil
	}
	factor := uint64(1)
	if value != "" {
		if at := strings.IndexByte("KMGTPE", value[len(value)-1]); at >= 0 {
			factor <<= 10 * (at + 1)
			value = value[:len(value)-1]
		}
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no amount", value)
	}
	if n > math.MaxUint64/factor {
		return 0, errors.New("the amount is too large")
	}
	return n * factor, nil
}
