package process

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Process is a running or ended main process of a service.
type Process struct {
	ID Identity

	done  chan struct{}
	mu    sync.Mutex // guards pidfd and exit
	pidfd int        // -1 once it ended, or where the kernel has none
	exit  Exit
}

// Exit says how a process ended.
type Exit struct {
	// Unknown is set for a process that another supervisor started: only a
	// parent learns the rest.
	Unknown bool
	Code    int
	// Signal is 0 unless a signal ended it.
	Signal syscall.Signal
	Core   bool
}

// OK tells whether it ended well: code 0, or a signal that asks for an end.
func (e Exit) OK() bool {
	if e.Unknown {
		return false
	}
	switch e.Signal {
	case 0:
		return e.Code == 0
	case syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE:
		return true // systemd's list of clean signals
	}
	return false
}

// String is "exit status 1" or "signal: killed", as Go's own words.
func (e Exit) String() string {
	switch {
	case e.Unknown:
		return "exit status unknown, an earlier supervisor was its parent"
	case e.Signal != 0 && e.Core:
		return fmt.Sprintf("signal: %v (core dumped)", e.Signal)
	case e.Signal != 0:
		return fmt.Sprintf("signal: %v", e.Signal)
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

func exitOf(w syscall.WaitStatus) Exit {
	if w.Signaled() {
		return Exit{Signal: w.Signal(), Core: w.CoreDump()}
	}
	return Exit{Code: w.ExitStatus()}
}

// ErrGone is returned when a process is not there any more.
var ErrGone = errors.New("the process is gone")

// Ended is a process that ended while nobody looked.
func Ended(id Identity) *Process {
	p := &Process{ID: id, done: make(chan struct{}), pidfd: -1}
	p.end(Exit{Unknown: true})
	return p
}

// Adopt follows a process that somebody else started. It fails with ErrGone
// when the process is not there any more.
func Adopt(id Identity) (*Process, error) {
	if id.PID <= 0 {
		return nil, ErrGone
	}
	fd, err := unix.PidfdOpen(id.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil, ErrGone
	}
	if err != nil {
		return nil, fmt.Errorf("adopt process %d: %w", id.PID, err)
	}
	// The descriptor is taken first: it cannot come to mean another process,
	// so what is true now stays true.
	if !id.Same() {
		unix.Close(fd)
		return nil, ErrGone
	}
	p := &Process{ID: id, done: make(chan struct{}), pidfd: fd}
	go func() {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		for {
			if n, err := unix.Poll(poll, -1); n > 0 || err != nil && !errors.Is(err, unix.EINTR) {
				break
			}
		}
		p.end(Exit{Unknown: true})
	}()
	return p, nil
}

func (p *Process) end(e Exit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exit = e
	if p.pidfd >= 0 {
		unix.Close(p.pidfd)
		p.pidfd = -1
	}
	close(p.done)
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit says how it ended; it is meaningless before Done is closed.
func (p *Process) Exit() Exit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exit
}

// Signal sends a signal to the process alone. One that has ended gives
// os.ErrProcessDone, and nobody else gets the signal.
func (p *Process) Signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.done:
		return os.ErrProcessDone
	default:
	}
	var err error
	if p.pidfd >= 0 {
		err = unix.PidfdSendSignal(p.pidfd, s, nil, 0)
	} else {
		// A child that was not reaped keeps its number, and reaping needs p.mu.
		err = syscall.Kill(p.ID.PID, s)
	}
	if errors.Is(err, unix.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
