package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Search is where a program without a slash is looked for, and the PATH of
// every service: systemd's.
const Search = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Spec is what to start and how.
type Spec struct {
	// Path is the program; without a slash it is looked for in Search.
	Path string
	Argv []string
	// Env is the whole environment, as NAME=value.
	Env []string
	Dir string
	// Output is where standard output and error go.
	Output     *os.File
	Limits     []Limit
	Credential *syscall.Credential
	Umask      fs.FileMode
	// OOMScoreAdjust is nil to leave it.
	OOMScoreAdjust *int
}

// Start starts a child in a session of its own. Besides the process it returns
// notes: what of the spec could not be given, and why.
func (t *Table) Start(s Spec) (*Process, []string, error) {
	path, err := lookup(s.Path)
	if err != nil {
		return nil, nil, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, err
	}
	defer null.Close()
	if s.Dir == "" {
		s.Dir = "/"
	}
	attr := &syscall.ProcAttr{
		Dir:   s.Dir,
		Env:   s.Env,
		Files: []uintptr{null.Fd(), s.Output.Fd(), s.Output.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, Credential: s.Credential},
	}

	t.mu.Lock()
	defer t.mu.Unlock()
	// Go has no hook between fork and exec, so a child gets its limits and its
	// umask by inheritance; the lock keeps every other start out meanwhile.
	notes, restore := limit(s.Limits)
	umask := syscall.Umask(int(s.Umask.Perm()))
	pid, err := syscall.ForkExec(path, s.Argv, attr)
	syscall.Umask(umask)
	restore()
	if err != nil {
		return nil, nil, fmt.Errorf("start %s: %w", path, explain(path, s.Dir, err))
	}
	p := &Process{done: make(chan struct{}), pidfd: -1}
	if fd, err := unix.PidfdOpen(pid, 0); err == nil {
		p.pidfd = fd
	}
	// It cannot be reaped before the lock is free, so this is about the child
	// even if it has ended already; then only its number is known.
	if p.ID, err = Identify(pid); err != nil {
		p.ID = Identity{PID: pid}
	}
	t.children[pid] = p
	// A supervisor started by `nice` must not run everything at that for ever.
	_ = unix.Setpriority(unix.PRIO_PROCESS, pid, 0)
	if note := adjust(pid, s.OOMScoreAdjust); note != "" {
		notes = append(notes, note)
	}
	return p, notes, nil
}

func lookup(path string) (string, error) {
	for _, c := range path {
		if c == '/' {
			return path, nil
		}
	}
	for _, dir := range filepath.SplitList(Search) {
		if info, err := os.Stat(dir + "/" + path); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return dir + "/" + path, nil
		}
	}
	return "", fmt.Errorf("start %s: %w: %w", path, exec.ErrNotFound, fs.ErrNotExist)
}

// explain says which file the kernel's short "no such file" is about.
func explain(path, dir string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, statErr := os.Stat(dir); statErr != nil {
		return fmt.Errorf("its working directory %s: %w", dir, err)
	}
	if _, statErr := os.Stat(path); statErr == nil {
		return fmt.Errorf("the file is there, its interpreter or loader is not: %w", err)
	}
	return err
}

func adjust(pid int, score *int) string {
	if score == nil {
		return ""
	}
	// A negative score needs CAP_SYS_RESOURCE.
	err := os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte(strconv.Itoa(*score)), 0)
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return ""
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Sprintf("OOMScoreAdjust=%d is not applied: %v", *score, err)
}
