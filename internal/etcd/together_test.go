package etcd

import (
	"slices"
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

// TestTogether has members join one that is there at the same moment, and then
// leave at the same moment, each through the others and killed as soon as it is
// said to have left. The one that was there must go on alone.
func TestTogether(t *testing.T) {
	t.Parallel()
	r := NewRig(t)
	first := r.Member("a")
	r.Start(first, "new", first)
	client := r.Open(first)
	r.Wait(client, first)
	all := []*Process{first}
	for i := range joining {
		all = append(all, r.Member(string(rune('b'+i))))
	}
	ids := make([]uint64, len(all))
	began := time.Now()
	together(all[1:], func(i int, m *Process) {
		ctx := within(t, 5*time.Minute)
		id, list, err := client.AddLearner(ctx, m.Peer)
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			return
		}
		turn := time.Since(began)
		var known []*Process
		for _, one := range all {
			if slices.ContainsFunc(list, func(l Member) bool { return slices.Contains(l.PeerURLs, one.Peer) }) {
				known = append(known, one)
			}
		}
		r.Start(m, "existing", known...)
		if err := client.Promote(ctx, id); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		ids[i+1] = id
		t.Logf("%s had its turn after %s and its vote after %s", m.Name, turn.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	})
	if list, err := client.Members(t.Context()); err != nil || len(list) != len(all) || t.Failed() {
		t.Fatalf("the members are %s, %v", describe(list), err)
	}
	began = time.Now()
	together(all[1:], func(i int, m *Process) {
		others := r.Open(slices.DeleteFunc(slices.Clone(all), func(one *Process) bool { return one == m })...)
		if err := others.Remove(within(t, 2*time.Minute), ids[i+1]); err != nil {
			t.Errorf("%s: %v", m.Name, err)
			return
		}
		m.Stop()
		t.Logf("%s had left after %s", m.Name, time.Since(began).Round(time.Millisecond))
	})
	list, err := client.Members(within(t, 15*time.Second))
	if err != nil || describe(list) != "[a]" {
		t.Errorf("the members are %s, %v", describe(list), err)
	}
}

// joining is how many join, and leave, at once in TestTogether.
const joining = 5

func together(all []*Process, do func(int, *Process)) {
	var wg sync.WaitGroup
	for i, m := range all {
		wg.Go(func() { do(i, m) })
	}
	wg.Wait()
}

// TestLeaveUnheard has b leave while a, which would be one of the two that stay,
// stands still for a moment: b and c alone agree that b leaves, but b may only end
// when a knows it, too.
func TestLeaveUnheard(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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
