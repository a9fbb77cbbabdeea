// Package process starts, follows, adopts and ends the processes of services.
package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Identity tells one process from every other that had or will have its number.
type Identity struct {
	PID int
	// Ticks is its start time in clock ticks since boot (/proc/PID/stat, field 22).
	Ticks uint64
	// Boot is the kernel's boot ID: numbers and ticks begin anew with each boot.
	Boot string
	// Exe is the program it ran when it was identified.
	Exe string
	// Invocation is the value of INVOCATION_ID in its environment, "" if unknown.
	Invocation string
}

// InvocationVariable marks every process of one start of a service, as systemd does.
const InvocationVariable = "INVOCATION_ID"

// Identify describes a living process. The error matches fs.ErrNotExist when
// there is none, or only its zombie.
func Identify(pid int) (Identity, error) {
	s, err := readStat(pid)
	if err != nil {
		return Identity{}, err
	}
	boot, err := bootID()
	if err != nil {
		return Identity{}, err
	}
	id := Identity{PID: pid, Ticks: s.ticks, Boot: boot, Invocation: invocation(pid)}
	if id.Exe, err = exe(pid); err != nil {
		return Identity{}, fmt.Errorf("identify process %d: %w", pid, err)
	}
	return id, nil
}

// Same tells whether the process that has the number now is the one that was
// identified. A program that replaced itself (exec) is still the same as long
// as it kept the invocation in its environment.
func (id Identity) Same() bool {
	if id.PID <= 0 {
		return false
	}
	now, err := Identify(id.PID)
	if err != nil || now.Ticks != id.Ticks || now.Boot != id.Boot {
		return false
	}
	return now.Exe == id.Exe || id.Invocation != "" && now.Invocation == id.Invocation
}

// Find looks for the main process of a service whose number was not recorded:
// the oldest session leader with the invocation in its environment.
func Find(invocation string) (Identity, bool) {
	if invocation == "" {
		return Identity{}, false
	}
	var oldest stat
	for _, s := range all() {
		if s.pid == s.session && (oldest.pid == 0 || s.ticks < oldest.ticks) && s.invocation() == invocation {
			oldest = s
		}
	}
	if oldest.pid == 0 {
		return Identity{}, false
	}
	id, err := Identify(oldest.pid)
	return id, err == nil
}

// Started returns when a process was started, in this machine's clock.
func (id Identity) Started() (time.Time, error) {
	data, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return time.Time{}, err
	}
	up, err := strconv.ParseFloat(strings.Fields(string(data))[0], 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("read /proc/uptime: %w", err)
	}
	const hertz = 100 // USER_HZ, the same on every Linux that Go runs on
	age := time.Duration((up - float64(id.Ticks)/hertz) * float64(time.Second))
	return time.Now().Add(-age), nil
}

type stat struct {
	pid, ppid, pgrp, session int
	ticks                    uint64
}

// readStat describes a process that is no zombie.
func readStat(pid int) (stat, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return stat{}, err
	}
	return parseStat(pid, data)
}

// Matches tells whether the text of the process's /proc/PID/stat is about the
// process identified, and that it is no zombie.
func (id Identity) Matches(text []byte) bool {
	s, err := parseStat(id.PID, text)
	return err == nil && s.ticks == id.Ticks
}

func parseStat(pid int, data []byte) (stat, error) {
	path := filepath.Join("/proc", strconv.Itoa(pid), "stat")
	var err error
	// The name stands in parentheses and may hold anything.
	at := bytes.LastIndexByte(data, ')')
	f := strings.Fields(string(data[at+1:]))
	if at < 0 || len(f) < 20 {
		return stat{}, fmt.Errorf("read %s: it has %d fields", path, len(f))
	}
	if f[0] == "Z" || f[0] == "X" {
		return stat{}, fmt.Errorf("process %d is a zombie: %w", pid, os.ErrNotExist)
	}
	s := stat{pid: pid}
	for i, to := range map[int]*int{1: &s.ppid, 2: &s.pgrp, 3: &s.session} {
		if *to, err = strconv.Atoi(f[i]); err != nil {
			return stat{}, fmt.Errorf("read %s: %w", path, err)
		}
	}
	if s.ticks, err = strconv.ParseUint(f[19], 10, 64); err != nil {
		return stat{}, fmt.Errorf("read %s: %w", path, err)
	}
	return s, nil
}

func (s stat) invocation() string { return invocation(s.pid) }

func invocation(pid int) string {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil {
		return ""
	}
	for v := range bytes.SplitSeq(data, []byte{0}) {
		if value, ok := bytes.CutPrefix(v, []byte(InvocationVariable+"=")); ok {
			return string(value)
		}
	}
	return ""
}

// all describes every process that is no zombie; those that end meanwhile are left out.
func all() []stat {
	names, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []stat
	for _, n := range names {
		pid, err := strconv.Atoi(n.Name())
		if err != nil {
			continue
		}
		if s, err := readStat(pid); err == nil {
			found = append(found, s)
		}
	}
	return found
}

func exe(pid int) (string, error) {
	path, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "exe"))
	// A program whose file was replaced by a newer one is still itself.
	return strings.TrimSuffix(path, " (deleted)"), err
}

func bootID() (string, error) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(data)), err
}
