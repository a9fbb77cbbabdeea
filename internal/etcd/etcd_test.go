package etcd

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/host/local"
)

// TestGrowAndShrink takes a cluster from one member to three and back, with a
// learner that never starts on the way.
func TestGrowAndShrink(t *testing.T) {
	r := NewRig(t)
	a, b, c := r.Member("a"), r.Member("b"), r.Member("c")
	r.Start(a, "new", a)
	client := r.Open(a)
	r.Wait(client, a)
	ctx := within(t, time.Minute)
	is := func(want string) {
		t.Helper()
		all, err := client.Members(ctx)
		if err != nil || describe(all) != want {
			t.Fatalf("members are %s, %v; want %s", describe(all), err, want)
		}
	}

	id, all, err := client.AddLearner(ctx, b.Peer)
	if err != nil || len(all) != 2 {
		t.Fatalf("add b: %s, %v", describe(all), err)
	}
	// It never starts: it is found again, a second learner is refused, and it gets no vote.
	same, all, err := client.AddLearner(ctx, b.Peer)
	if err != nil || same != id || len(all) != 2 {
		t.Fatalf("b was added as %x and then as %x, %s: %v", id, same, describe(all), err)
	}
	_, _, err = client.AddLearner(within(t, time.Second), c.Peer)
	mustSay(t, err, "too many learner members", c.Peer, a.Client, "another member is being added")
	err = client.Promote(within(t, time.Second), id)
	mustSay(t, err, "in sync with leader", a.Client, "crictl ps -a --name etcd")
	if err := client.Remove(ctx, id); err != nil {
		t.Fatal(err)
	}
	is("[a]")
	if err := client.Remove(ctx, id); err != nil {
		t.Errorf("a member that is not there: %v", err)
	}
	mustSay(t, client.Promote(ctx, id), "member not found")

	for _, m := range []*Process{b, c} {
		// c is added while b is still a learner: it waits for its turn.
		id, all, err := client.AddLearner(ctx, m.Peer)
		if err != nil {
			t.Fatal(err)
		}
		cluster := []*Process{a, b, c}[:len(all)]
		r.Start(m, "existing", cluster...)
		if err := client.Promote(ctx, id); err != nil {
			t.Fatal(err)
		}
		if err := client.Promote(ctx, id); err != nil {
			t.Errorf("a member that has its vote: %v", err)
		}
		again, _, err := client.AddLearner(ctx, m.Peer)
		if !errors.Is(err, ErrStarted) || again != id {
			t.Errorf("a member that has started: %x, %v", again, err)
		}
	}
	is("[a b c]")

	// All agree on what is stored.
	if _, err := client.client.Put(ctx, "key", "value"); err != nil {
		t.Fatal(err)
	}
	sa, err := client.Status(ctx, a.Client)
	if err != nil || sa.Leader == 0 || !strings.HasPrefix(sa.Version, "3.") || sa.DBSize == 0 || sa.DBSizeInUse == 0 || sa.Learner || len(sa.Alarms) != 0 {
		t.Errorf("%+v, %v", sa, err)
	}
	first, compacted, err := client.HashKV(ctx, a.Client, sa.Revision)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*Process{b, c} {
		r.Wait(client, m)
		hash, at, err := client.HashKV(ctx, m.Client, sa.Revision)
		if err != nil || hash != first || at != compacted {
			t.Errorf("%s: %d at %d, %v; a has %d at %d", m.Name, hash, at, err, first, compacted)
		}
	}

	// The member that leads removes itself through another.
	through := r.Open(b, c)
	if err := through.Remove(ctx, sa.ID); err != nil {
		t.Fatal(err)
	}
	a.Stop()
	all, err = through.Members(ctx)
	if err != nil || describe(all) != "[b c]" {
		t.Errorf("members are %s, %v", describe(all), err)
	}
}

// TestTurns adds two members at once to a cluster that takes one learner at a time.
func TestTurns(t *testing.T) {
	r := NewRig(t)
	a, b, c := r.Member("a"), r.Member("b"), r.Member("c")
	r.Start(a, "new", a)
	client := r.Open(a)
	r.Wait(client, a)
	ctx := within(t, time.Minute)
	first, _, err := client.AddLearner(ctx, b.Peer)
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan error, 1)
	go func() {
		_, _, err := r.Open(a).AddLearner(ctx, c.Peer)
		second <- err
	}()
	select {
	case err := <-second:
		t.Fatalf("the second learner did not wait: %v", err)
	case <-time.After(time.Second):
	}
	r.Start(b, "existing", a, b)
	if err := client.Promote(ctx, first); err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Error(err)
	}
}

// TestNoQuorum asks the one member of two that is left.
func TestNoQuorum(t *testing.T) {
	r := NewRig(t)
	a, b := r.Member("a"), r.Member("b")
	r.Start(a, "new", a, b)
	r.Start(b, "new", a, b)
	client := r.Open(a, b)
	r.Wait(client, a)
	all, err := client.Members(within(t, 20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	b.Stop()

	// Without an end of the caller's own.
	began := time.Now()
	_, err = client.Members(t.Context())
	mustSay(t, err, "cannot list etcd's members", a.Client, "no quorum", "crictl ps -a --name etcd")
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %s to say so", took)
	}
	began = time.Now()
	err = client.Remove(within(t, 2*time.Second), all[1].ID)
	mustSay(t, err, "cannot remove the etcd member")
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("it took %s of the 2 s", took)
	}
	// The one that is left says that it has no leader.
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		s, err := client.Status(t.Context(), a.Client)
		if err == nil && s.Leader == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v, %v", s, err)
		}
	}
	// What waits goes on when the member is back.
	r.Start(b, "existing", a, b)
	if _, _, err := client.AddLearner(within(t, 30*time.Second), r.Member("c").Peer); err != nil {
		t.Errorf("after quorum is back: %v", err)
	}
}

// TestUnhealthy holds that etcd's refusal is waited for, then told with its reason.
func TestUnhealthy(t *testing.T) {
	r := NewRig(t)
	a, b, c := r.Member("a"), r.Member("b"), r.Member("c")
	for _, m := range []*Process{a, b, c} {
		r.Start(m, "new", a, b, c)
	}
	client := r.Open(a, b)
	r.Wait(client, a)
	r.Wait(client, b)
	c.Stop()
	ctx := within(t, 2*time.Second)
	all, err := client.Members(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Removing one of the two that are left would leave one of two.
	var id uint64
	for _, m := range all {
		if m.Name == "b" {
			id = m.ID
		}
	}
	err = client.Remove(ctx, id)
	if err == nil {
		t.Fatal("the member was removed, and with it the quorum")
	}
	mustSay(t, err, "changes no member while another one does not answer")
}

// TestNoAnswer is about endpoints where no etcd is, and certificates of another.
func TestNoAnswer(t *testing.T) {
	r := NewRig(t)
	a := r.Member("a")
	client := r.Open(a)
	began := time.Now()
	_, err := client.Members(t.Context())
	mustSay(t, err, a.Client, "connection refused", "no member answers there")
	_, err = client.Status(t.Context(), a.Client)
	mustSay(t, err, a.Client, "connection refused")
	_, _, err = client.HashKV(t.Context(), a.Client, 0)
	mustSay(t, err, a.Client, "connection refused")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s to see that nothing listens", took)
	}
	r.Start(a, "new", a)
	r.Wait(client, a)
	stranger := NewRig(t)
	_, err = stranger.Open(a).Members(t.Context())
	mustSay(t, err, "x509", "certificates do not fit")
	began = time.Now()
	_, _, err = stranger.Open(a).AddLearner(within(t, 30*time.Second), r.Member("b").Peer)
	mustSay(t, err, "certificates do not fit")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s to see that the certificates do not fit", took)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := client.AddLearner(stopped, r.Member("b").Peer); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestAlarm fills the store.
func TestAlarm(t *testing.T) {
	r := NewRig(t)
	a := r.Member("a")
	r.Start(a, "new", a)
	client := r.Open(a)
	r.Wait(client, a)
	value := strings.Repeat("x", 1<<20)
	for range 30 {
		if _, err := client.client.Put(t.Context(), "key", value); err != nil {
			break
		}
	}
	s, err := client.Status(t.Context(), a.Client)
	if err != nil || len(s.Alarms) != 1 || !strings.HasPrefix(s.Alarms[0], "NOSPACE of ") {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	h, err := local.New("here")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why, say  string
		endpoints []string
		tls       TLS
	}{
		{"no endpoint", "no endpoint is known", nil, TLS{}},
		{"https without certificates", "https://127.0.0.1:2379 begins with", []string{"https://127.0.0.1:2379"}, TLS{}},
		{"no CA", "pki/etcd/ca.crt", []string{"https://127.0.0.1:2379"}, TLS{CA: []byte("nothing")}},
	} {
		_, err := Open(h, c.endpoints, c.tls)
		if err == nil || !strings.Contains(err.Error(), c.say) || !strings.Contains(err.Error(), "here") {
			t.Errorf("%s: %v", c.why, err)
		}
	}
}

func mustSay(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; it has to say %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q: %v", w, err)
		}
	}
}
