package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// machine says in one line where and when the figures were taken.
func (b *bench) machine() string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	load, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("%s: %d cores (%s), %s of memory, kernel %s, services under %s, %d pairs; load %s at the end\n\n",
		time.Now().Format("2006-01-02"), runtime.NumCPU(), field("/proc/cpuinfo", "model name"), memoryOf(),
		strings.TrimSpace(string(kernel)), b.services.Kind(), b.pairs, first)
}

// field is the value of the first line "name : value" of a file of /proc.
func field(path, name string) string {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func memoryOf() string {
	var kb int64
	if _, err := fmt.Sscan(field("/proc/meminfo", "MemTotal"), &kb); err != nil {
		return "unknown"
	}
	return fmt.Sprintf("%.0f GB", float64(kb)/(1<<20))
}
