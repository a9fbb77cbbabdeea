package local

import (
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// TestChains works in a network namespace of its own, which ends with its thread.
func TestChains(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not root: a network namespace needs root")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends, and the namespace with it
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Errorf("no network namespace: %v", err)
			return
		}
		chains(t)
	}()
	<-done
}

func chains(t *testing.T) {
	c, err := nftables.New()
	if err != nil {
		t.Error(err)
		return
	}
	table := func(name string) *nftables.Table {
		return c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: name})
	}
	hook := func(in *nftables.Table, name string) *nftables.Chain {
		return c.AddChain(&nftables.Chain{Table: in, Name: name, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityFilter})
	}
	plain := func(in *nftables.Table, name string) *nftables.Chain {
		return c.AddChain(&nftables.Chain{Table: in, Name: name})
	}
	rule := func(from *nftables.Chain, kind expr.VerdictKind, to string) {
		c.AddRule(&nftables.Rule{Table: from.Table, Chain: from, Exprs: []expr.Any{&expr.Counter{}, &expr.Verdict{Kind: kind, Chain: to}}})
	}
	// In filter something of others is left, in mangle nothing.
	filter, mangle := table("filter"), table("mangle")
	out := hook(filter, "OUTPUT")
	services, forward, theirs := plain(filter, "KUBE-SERVICES"), plain(filter, "KUBE-FORWARD"), plain(filter, "THEIRS")
	rule(out, expr.VerdictJump, services.Name)
	rule(out, expr.VerdictAccept, "")
	rule(out, expr.VerdictJump, theirs.Name)
	rule(theirs, expr.VerdictGoto, forward.Name)
	rule(theirs, expr.VerdictReturn, "")
	// Two that lead to each other go together.
	rule(services, expr.VerdictJump, forward.Name)
	canary := plain(mangle, "KUBE-KUBELET-CANARY")
	rule(hook(mangle, "OUTPUT"), expr.VerdictJump, canary.Name)
	if err := c.Flush(); err != nil {
		t.Error(err)
		return
	}
	h, err := New("here")
	if err != nil {
		t.Error(err)
		return
	}
	mustList := func(want ...string) {
		t.Helper()
		have, err := h.Chains(t.Context())
		if err != nil || !slices.Equal(have, want) {
			t.Errorf("chains %v, %v; want %v", have, err, want)
		}
	}
	mustList("ip filter KUBE-FORWARD", "ip filter KUBE-SERVICES", "ip filter THEIRS", "ip mangle KUBE-KUBELET-CANARY")
	doomed := []string{"ip filter KUBE-FORWARD", "ip filter KUBE-SERVICES", "ip mangle KUBE-KUBELET-CANARY", "ip nat KUBE-MISSING"}
	for range 2 { // a second time there is nothing to do
		if err := h.DeleteChains(t.Context(), doomed); err != nil {
			t.Error(err)
		}
		mustList("ip filter THEIRS")
	}
	if tables, err := h.Tables(t.Context()); err != nil || !slices.Equal(tables, []string{"ip filter"}) {
		t.Errorf("tables %v, %v", tables, err)
	}
	for chain, want := range map[*nftables.Chain]int{out: 2, theirs: 1} {
		if rules, err := c.GetRules(filter, chain); err != nil || len(rules) != want {
			t.Errorf("%s has %d rules of others left, %v; want %d", chain.Name, len(rules), err, want)
		}
	}
}
