package process

import (
	"syscall"
)

// Members lists the processes that belong to one start of a service: its main
// process (which leads a session), that session and group, every descendant,
// and whoever carries the invocation in its environment. It stands for the
// control group that systemd would ask.
func Members(main Identity) []int {
	return members(all(), main, func(s stat) string { return s.invocation() })
}

func members(procs []stat, main Identity, invocation func(stat) string) []int {
	// While one of them lives, the kernel gives the main process's number to
	// nobody else; if somebody has it, then the session and group are theirs.
	ours := main.PID > 0
	for _, s := range procs {
		if s.pid == main.PID && s.ticks != main.Ticks {
			ours = false
		}
	}
	in := map[int]bool{}
	for _, s := range procs {
		if ours && (s.pid == main.PID || s.session == main.PID || s.pgrp == main.PID) {
			in[s.pid] = true
		} else if main.Invocation != "" && invocation(s) == main.Invocation {
			in[s.pid] = true
		}
	}
	for grew := true; grew; {
		grew = false
		for _, s := range procs {
			if !in[s.pid] && in[s.ppid] {
				in[s.pid], grew = true, true
			}
		}
	}
	var pids []int
	for _, s := range procs {
		if in[s.pid] {
			pids = append(pids, s.pid)
		}
	}
	return pids
}

// SignalAll sends a signal to each process; one that is gone is passed over.
func SignalAll(pids []int, s syscall.Signal) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, s)
	}
}
