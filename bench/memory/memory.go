// Package memory sums what the processes of a cluster take.
package memory

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Usage is the memory of one program, over all its processes.
type Usage struct {
	Program   string
	Processes int
	// PSS is the proportional set size in bytes: a page that several processes
	// share counts once in their sum. Anonymous is the part of it that no file
	// holds: heaps and stacks.
	PSS, Anonymous int64
}

// Total is the sum of the PSS in bytes.
func Total(usage []Usage) int64 {
	var sum int64
	for _, u := range usage {
		sum += u.PSS
	}
	return sum
}

// process is what /proc says of one.
type process struct {
	pid, parent int
	// exe is the program's file; argv0 is the name that it was called by.
	exe, argv0 string
	// mounts is its mount namespace: another machine in a namespace of this
	// one has programs at the same paths.
	mounts string
}

// Measure finds the processes whose program is one of roots, in this mount
// namespace, and all their descendants, and returns what they take by
// program's name, the largest first. Processes that end meanwhile are left out.
func Measure(roots []string) ([]Usage, error) {
	own, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return nil, err
	}
	all := processes()
	member := map[int]bool{}
	for _, p := range all {
		member[p.pid] = p.mounts == own && slices.Contains(roots, p.exe)
	}
	// Children come after their parents in time, not always in number.
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if !member[p.pid] && member[p.parent] {
				member[p.pid], grown = true, true
			}
		}
	}
	byName := map[string]*Usage{}
	for _, p := range all {
		if !member[p.pid] {
			continue
		}
		pss, anonymous, err := rollup(p.pid)
		if err != nil {
			continue // gone
		}
		u := byName[p.argv0]
		if u == nil {
			u = &Usage{Program: p.argv0}
			byName[p.argv0] = u
		}
		u.Processes++
		u.PSS += pss
		u.Anonymous += anonymous
	}
	var usage []Usage
	for _, u := range byName {
		usage = append(usage, *u)
	}
	slices.SortFunc(usage, func(a, b Usage) int { return int(b.PSS - a.PSS) })
	return usage, nil
}

func processes() []process {
	entries, _ := os.ReadDir("/proc") // an unreadable /proc is an empty list
	var list []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		dir := filepath.Join("/proc", e.Name())
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			continue
		}
		p := process{pid: pid, parent: parent(stat)}
		p.mounts, _ = os.Readlink(filepath.Join(dir, "ns/mnt"))
		p.exe, _ = os.Readlink(filepath.Join(dir, "exe"))
		cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		argv0, _, _ := bytes.Cut(cmdline, []byte{0})
		p.argv0 = filepath.Base(string(argv0))
		list = append(list, p)
	}
	return list
}

// parent is the fourth field of a stat line. The second, the name, stands in
// parentheses and may hold anything.
func parent(stat []byte) int {
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(fields[1])
	return n
}

// rollup reads the sums of a process's smaps, in bytes.
func rollup(pid int) (pss, anonymous int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kb, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "Pss:":
			pss = kb << 10
		case "Pss_Anon:":
			anonymous = kb << 10
		}
	}
	return pss, anonymous, nil
}
