package process

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Table holds the children of this process and reaps everything that ends
// below it. There is at most one in a program: it takes the end of every child,
// so nothing else there may wait for one.
type Table struct {
	// mu is held from before a fork until the child is in the table, and while
	// reaping, so that no end is missed.
	mu       sync.Mutex
	children map[int]*Process
	signals  chan os.Signal
	stop     chan struct{}
}

// NewTable makes this process the one that orphans below it fall to
// (PR_SET_CHILD_SUBREAPER), and starts reaping.
func NewTable() (*Table, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("become the parent of orphans (PR_SET_CHILD_SUBREAPER): %w", err)
	}
	t := &Table{
		children: map[int]*Process{},
		signals:  make(chan os.Signal, 1),
		stop:     make(chan struct{}),
	}
	signal.Notify(t.signals, syscall.SIGCHLD)
	go t.loop()
	return t, nil
}

// Close ends the reaping. Children live on.
func (t *Table) Close() {
	signal.Stop(t.signals)
	close(t.stop)
}

func (t *Table) loop() {
	for {
		t.reap()
		select {
		case <-t.signals:
		case <-t.stop:
			return
		}
	}
}

func (t *Table) reap() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if p := t.children[pid]; p != nil {
			delete(t.children, pid)
			p.end(exitOf(status))
		}
	}
}
