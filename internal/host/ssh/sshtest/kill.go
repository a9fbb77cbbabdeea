package sshtest

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Kill ends the server and what serves its connections, all at once.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	for _, pid := range descendants(s.t, s.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
	}
	_ = s.cmd.Wait() // it was killed
	s.cmd = nil
}

// descendants lists a process and those that it has started, itself first.
func descendants(t *testing.T, pid int) []int {
	t.Helper()
	children := map[int][]int{}
	each(t, func(child int, f []string) {
		if parent, err := strconv.Atoi(f[1]); err == nil {
			children[parent] = append(children[parent], child)
		}
	})
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// GroupLives looks for members of a process group that are no zombies: an
// orphan's zombie stays as long as process 1 likes.
func GroupLives(t *testing.T, group int) bool {
	t.Helper()
	lives := false
	each(t, func(_ int, f []string) {
		lives = lives || f[2] == strconv.Itoa(group) && f[0] != "Z"
	})
	return lives
}

// each calls f with every process and the fields of its stat from the state on.
func each(t *testing.T, f func(pid int, fields []string)) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	must(t, err)
	for _, p := range stats {
		data, err := os.ReadFile(p)
		if err != nil {
			continue // it has ended
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(p)))
		must(t, err)
		f(pid, strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:])))
	}
}
