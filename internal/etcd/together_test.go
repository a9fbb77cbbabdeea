package etcd

import (
	"sync"
	"syscall"
	"testing"
	"time"
)

// three starts members a, b and c, and returns a client of all and their IDs.
func three(t *testing.T) (*Rig, []*Process, *Client, []uint64) {
	t.Helper()
	r := NewRig(t)
	all := []*Process{r.Member("a"), r.Member("b"), r.Member("c")}
	for _, m := range all {
		r.Start(m, "new", all...)
	}
	client := r.Open(all...)
	var ids []uint64
	for _, m := range all {
		r.Wait(client, m)
		s, err := client.Status(t.Context(), m.Client)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, s.ID)
	}
	return r, all, client, ids
}

// TestLeaveTogether has two of three members leave at the same moment, each
// through the others, and each killed as soon as it is said to have left: the
// third must go on alone.
func TestLeaveTogether(t *testing.T) {
	r, all, _, ids := three(t)
	began := time.Now()
	var wg sync.WaitGroup
	for i, through := range [][]*Process{1: {all[0], all[2]}, 2: {all[0], all[1]}} {
		if len(through) == 0 {
			continue
		}
		c := r.Open(through...)
		wg.Go(func() {
			if err := c.Remove(within(t, 30*time.Second), ids[i]); err != nil {
				t.Errorf("%s: %v", all[i].Name, err)
			}
			all[i].Stop()
		})
	}
	wg.Wait()
	t.Logf("both had left after %s", time.Since(began).Round(time.Millisecond))
	left, err := r.Open(all[0]).Members(within(t, 15*time.Second))
	if err != nil || describe(left) != "[a]" {
		t.Errorf("the members are %s, %v", describe(left), err)
	}
}

// TestLeaveUnheard has b leave while a, which would be one of the two that stay,
// stands still for a moment: b and c alone agree that b leaves, but b may only end
// when a knows it, too.
func TestLeaveUnheard(t *testing.T) {
	r, all, _, ids := three(t)
	time.Sleep(6 * time.Second) // etcd changes no member before all have been connected for five
	signal := func(s syscall.Signal) {
		t.Helper()
		if err := all[0].process.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	defer signal(syscall.SIGCONT)
	through := r.Open(all[2])
	if err := through.Remove(within(t, 4*time.Second), ids[1]); err == nil {
		t.Error("b may end, and c alone would be left of the two that stay")
	}
	signal(syscall.SIGCONT)
	if err := through.Remove(within(t, 30*time.Second), ids[1]); err != nil {
		t.Fatal(err)
	}
	all[1].Stop()
	left, err := r.Open(all[0]).Members(within(t, 15*time.Second))
	if err != nil || describe(left) != "[a c]" {
		t.Errorf("the members are %s, %v", describe(left), err)
	}
}

// TestOneEnds asks while one of the members ends that a client is connected with.
func TestOneEnds(t *testing.T) {
	_, all, client, _ := three(t)
	end := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
					if list, err := client.Members(t.Context()); err != nil || len(list) != 3 {
						t.Errorf("%s, %v", describe(list), err)
						return
					}
				}
			}
		})
	}
	time.Sleep(time.Second)
	all[2].Stop()
	time.Sleep(time.Second)
	close(end)
	wg.Wait()
	all[1].Stop() // and there is no quorum any more
	if list, err := client.Members(within(t, 3*time.Second)); err == nil {
		t.Errorf("one of three says who the members are: %s", describe(list))
	}
}
