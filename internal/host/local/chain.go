package local

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// Chains lists the chains that no hook calls by itself.
func (h *Host) Chains(context.Context) ([]string, error) {
	c, err := nftables.New()
	if err != nil {
		return nil, fmt.Errorf("cannot reach nftables on %s: %w", h.name, err)
	}
	all, err := c.ListChains()
	if err != nil {
		return nil, fmt.Errorf("cannot list the nftables chains of %s: %w", h.name, err)
	}
	var names []string
	for _, one := range all {
		if one.Hooknum == nil {
			names = append(names, chainName(one))
		}
	}
	slices.Sort(names)
	return names, nil
}

func chainName(c *nftables.Chain) string {
	return families[c.Table.Family] + " " + c.Table.Name + " " + c.Name
}

// DeleteChains removes chains with the rules that lead to them, in one
// transaction for each table.
func (h *Host) DeleteChains(_ context.Context, chains []string) error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("cannot reach nftables on %s: %w", h.name, err)
	}
	all, err := c.ListChains()
	if err != nil {
		return fmt.Errorf("cannot list the nftables chains of %s: %w", h.name, err)
	}
	tables := map[string][]*nftables.Chain{}
	for _, one := range all {
		t := families[one.Table.Family] + " " + one.Table.Name
		tables[t] = append(tables[t], one)
	}
	for name, in := range tables {
		doomed := func(one *nftables.Chain) bool { return slices.Contains(chains, chainName(one)) }
		if !slices.ContainsFunc(in, doomed) {
			continue
		}
		if err := deleteChains(c, in, doomed); err != nil {
			return fmt.Errorf("cannot remove chains of the nftables table %q of %s: %w", name, h.name, err)
		}
	}
	return nil
}

// deleteChains does it in one table, all of whose chains are given.
func deleteChains(c *nftables.Conn, in []*nftables.Chain, doomed func(*nftables.Chain) bool) error {
	left := 0
	for _, one := range in {
		if doomed(one) {
			c.FlushChain(one)
			continue
		}
		rules, err := c.GetRules(one.Table, one)
		if err != nil {
			return err
		}
		if one.Hooknum == nil || one.Policy != nil && *one.Policy != nftables.ChainPolicyAccept {
			left++
		}
		for _, r := range rules {
			if !leads(r, in, doomed) {
				left++
			} else if err := c.DelRule(r); err != nil {
				return err
			}
		}
	}
	for _, one := range in {
		if doomed(one) {
			c.DelChain(one)
		}
	}
	if left == 0 {
		c.DelTable(in[0].Table)
	}
	return c.Flush()
}

// leads tells whether a rule jumps or goes to a doomed chain.
func leads(r *nftables.Rule, in []*nftables.Chain, doomed func(*nftables.Chain) bool) bool {
	for _, e := range r.Exprs {
		v, ok := e.(*expr.Verdict)
		if !ok || v.Kind != expr.VerdictJump && v.Kind != expr.VerdictGoto {
			continue
		}
		if i := slices.IndexFunc(in, func(one *nftables.Chain) bool { return one.Name == v.Chain }); i >= 0 && doomed(in[i]) {
			return true
		}
	}
	return false
}
