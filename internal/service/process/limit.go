package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Limit is a resource limit. A hard limit below the one that this process has
// is not applied: it could not take it back afterwards.
type Limit struct {
	// Name is what follows Limit in a unit, or RLIMIT_ in setrlimit(2).
	Name string
	// Soft and Hard are math.MaxUint64 for infinity.
	Soft, Hard uint64
}

// Known tells whether there is such a limit.
func (l Limit) Known() bool {
	_, ok := l.resource()
	return ok
}

func (l Limit) resource() (int, bool) {
	n, ok := map[string]int{
		"CPU": unix.RLIMIT_CPU, "FSIZE": unix.RLIMIT_FSIZE, "DATA": unix.RLIMIT_DATA, "STACK": unix.RLIMIT_STACK,
		"CORE": unix.RLIMIT_CORE, "RSS": unix.RLIMIT_RSS, "NOFILE": unix.RLIMIT_NOFILE, "AS": unix.RLIMIT_AS,
		"NPROC": unix.RLIMIT_NPROC, "MEMLOCK": unix.RLIMIT_MEMLOCK, "LOCKS": unix.RLIMIT_LOCKS,
		"SIGPENDING": unix.RLIMIT_SIGPENDING, "MSGQUEUE": unix.RLIMIT_MSGQUEUE, "NICE": unix.RLIMIT_NICE,
		"RTPRIO": unix.RLIMIT_RTPRIO, "RTTIME": unix.RLIMIT_RTTIME,
	}[l.Name]
	return n, ok
}

// limit sets this process's own limits and returns how to put them back. What
// the kernel refuses is lowered to what it allows, with a note.
func limit(limits []Limit) (notes []string, restore func()) {
	var undo []func()
	for _, l := range limits {
		resource, ok := l.resource()
		if !ok {
			notes = append(notes, fmt.Sprintf("Limit%s= is not applied: no such limit", l.Name))
			continue
		}
		var old unix.Rlimit
		if err := unix.Getrlimit(resource, &old); err != nil {
			notes = append(notes, fmt.Sprintf("Limit%s= is not applied: %v", l.Name, err))
			continue
		}
		if l.Name == "NOFILE" {
			// The kernel has a ceiling for everybody, which infinity means.
			most := openMax()
			l.Soft, l.Hard = min(l.Soft, most), min(l.Hard, most)
		}
		want := unix.Rlimit{Cur: l.Soft, Max: max(l.Hard, old.Max)}
		err := setrlimit(resource, &want)
		if err != nil {
			// Without CAP_SYS_RESOURCE the hard limit is a ceiling.
			want = unix.Rlimit{Cur: min(l.Soft, old.Max), Max: old.Max}
			if err := setrlimit(resource, &want); err != nil {
				notes = append(notes, fmt.Sprintf("Limit%s= is not applied: %v", l.Name, err))
				continue
			}
			if want.Cur != l.Soft {
				notes = append(notes, fmt.Sprintf("Limit%s=%s is lowered to %s: not permitted to go above this machine's hard limit", l.Name, number(l.Soft), number(want.Cur)))
			}
		}
		undo = append(undo, func() {
			if setrlimit(resource, &old) != nil {
				// The hard limit was raised and may stay; the soft one goes back.
				_ = setrlimit(resource, &unix.Rlimit{Cur: old.Cur, Max: want.Max})
			}
		})
	}
	return notes, func() {
		for i := len(undo) - 1; i >= 0; i-- {
			undo[i]()
		}
	}
}

func openMax() uint64 {
	data, err := os.ReadFile("/proc/sys/fs/nr_open")
	if err == nil {
		var n uint64
		if n, err = strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64); err == nil {
			return n
		}
	}
	return 1 << 20 // the kernel's own default
}

// setrlimit goes through syscall: its Setrlimit also tells the runtime that
// RLIMIT_NOFILE is ours now, else a child would be given the one of our start.
func setrlimit(resource int, l *unix.Rlimit) error {
	return syscall.Setrlimit(resource, &syscall.Rlimit{Cur: l.Cur, Max: l.Max})
}

func number(n uint64) string {
	if n == unix.RLIM_INFINITY {
		return "infinity"
	}
	return strconv.FormatUint(n, 10)
}
