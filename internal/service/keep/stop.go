package keep

import (
	"fmt"
	"syscall"
	"time"

	"keelway.dev/keelway/internal/service/process"
	"keelway.dev/keelway/internal/service/unit"
)

// patience is how long a process that got SIGKILL may take to go. One that
// hangs in the kernel (a dead network disk) can take for ever.
const patience = 10 * time.Second

// end ends the main process by the unit's KillMode=, and then what it left.
func (k *keeper) end(u unit.Unit, p *process.Process) {
	k.s.set(func() { k.s.state = Deactivating })
	deadline := time.Now().Add(u.StopTimeout)
	s := syscall.Signal(u.KillSignal)
	if u.KillMode == "control-group" {
		process.SignalAll(process.Members(p.ID), s)
	} else {
		_ = p.Signal(s)
	}
	// A stopped process takes no signal but this.
	_ = p.Signal(syscall.SIGCONT)
	timer := after(u.StopTimeout)
	defer timer.Stop()
	select {
	case <-p.Done():
	case <-timer.C:
		if !u.SendKill {
			k.left = fmt.Errorf("process %d did not end in %v, and SendSIGKILL=no", p.ID.PID, u.StopTimeout)
			return
		}
		k.s.g.Logf("%s: process %d did not end in %v (TimeoutStopSec=): SIGKILL", k.s.name, p.ID.PID, u.StopTimeout)
		_ = p.Signal(syscall.SIGKILL)
		select {
		case <-p.Done():
		case <-time.After(patience):
			k.left = fmt.Errorf("process %d does not end even by SIGKILL; it hangs in the kernel", p.ID.PID)
			return
		}
	}
	rest := time.Until(deadline)
	if u.StopTimeout == 0 {
		rest = 0
	} else if rest <= 0 {
		rest = time.Millisecond
	}
	k.sweep(u, p, rest)
}

// sweep ends what the main process left behind: nothing with KillMode=process,
// which is how containers outlive containerd. 0 is no bound.
func (k *keeper) sweep(u unit.Unit, p *process.Process, timeout time.Duration) {
	if u.KillMode == "process" {
		return
	}
	left := process.Members(p.ID)
	if len(left) == 0 {
		return
	}
	if u.KillMode == "control-group" {
		process.SignalAll(left, syscall.Signal(u.KillSignal))
		if left = gone(p.ID, timeout); len(left) == 0 || !u.SendKill {
			return
		}
	}
	k.s.g.Logf("%s: SIGKILL to the processes %v that it left", k.s.name, left)
	process.SignalAll(left, syscall.SIGKILL)
	if left = gone(p.ID, patience); len(left) > 0 {
		k.left = fmt.Errorf("the processes %v do not end even by SIGKILL; they hang in the kernel", left)
	}
}

// gone waits until nobody is left, and returns who is after the time.
func gone(main process.Identity, timeout time.Duration) []int {
	deadline := time.Now().Add(timeout)
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		left := process.Members(main)
		if len(left) == 0 || timeout > 0 && time.Now().After(deadline) {
			return left
		}
		time.Sleep(wait)
	}
}
