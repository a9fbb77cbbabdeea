// Package partition keeps groups of a bridge's ports from reaching each other, by an nftables table of its own.
package partition

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// groupSet is what the sets of the groups are called, with the group's number.
const groupSet = "group"

// Port is what a bridge reaches a host by.
type Port struct {
	// Host is what people call it; it is kept beside the link.
	Host string
	// Link is the name of the port's link, which need not exist yet.
	Link string
}

// Table is one table of the bridge family, by its name. Its only chain sees
// what a bridge hands from one port to another, and nothing that comes from or
// goes to this machine itself.
type Table string

func (t Table) table() *nftables.Table {
	return &nftables.Table{Name: string(t), Family: nftables.TableFamilyBridge}
}

// Set lets each group's ports reach each other, and no port of another group.
// It takes the place of what was set before in one step, so that at no moment
// more passes than before or after. A port in no group is not touched.
func (t Table) Set(groups [][]Port) error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("cannot reach nftables: %w", err)
	}
	table := t.table()
	c.AddTable(table) // so that there is one to remove
	c.DelTable(table)
	c.AddTable(table)
	chain := c.AddChain(&nftables.Chain{
		Name: "forward", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter,
	})
	add := func(name string, ports []Port) (*nftables.Set, error) {
		set := &nftables.Set{Table: table, Name: name, KeyType: nftables.TypeIFName}
		elements, err := elementsOf(ports)
		if err != nil {
			return nil, err
		}
		return set, c.AddSet(set, elements)
	}
	for i, ports := range groups {
		set, err := add(groupSet+strconv.Itoa(i+1), ports)
		if err != nil {
			return err
		}
		c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: slices.Concat(
			in(expr.MetaKeyIIFNAME, set), in(expr.MetaKeyOIFNAME, set), verdict(expr.VerdictAccept))})
	}
	// The hook sees every bridge of this machine: only these ports are ours.
	all, err := add("every", slices.Concat(groups...))
	if err != nil {
		return err
	}
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: slices.Concat(
		in(expr.MetaKeyIIFNAME, all), in(expr.MetaKeyOIFNAME, all), verdict(expr.VerdictDrop))})
	if err := c.Flush(); err != nil {
		return fmt.Errorf("cannot write the nftables table bridge %s: %w", t, err)
	}
	return nil
}

// Groups reads the hosts of each group that is set; none when nothing is.
func (t Table) Groups() ([][]string, error) {
	c, err := nftables.New()
	if err != nil {
		return nil, fmt.Errorf("cannot reach nftables: %w", err)
	}
	tables, err := c.ListTablesOfFamily(nftables.TableFamilyBridge)
	if err != nil {
		return nil, fmt.Errorf("cannot list the nftables tables: %w", err)
	}
	if !slices.ContainsFunc(tables, func(have *nftables.Table) bool { return have.Name == string(t) }) {
		return nil, nil
	}
	sets, err := c.GetSets(t.table())
	if err != nil {
		return nil, fmt.Errorf("cannot read the nftables table bridge %s: %w", t, err)
	}
	found := make([][]string, len(sets))
	for _, set := range sets {
		number, ok := strings.CutPrefix(set.Name, groupSet)
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n < 1 || n > len(sets) {
			continue
		}
		elements, err := c.GetSetElements(set)
		if err != nil {
			return nil, fmt.Errorf("cannot read the nftables set %s of bridge %s: %w", set.Name, t, err)
		}
		for _, e := range elements {
			found[n-1] = append(found[n-1], e.Comment)
		}
		slices.Sort(found[n-1])
	}
	return slices.DeleteFunc(found, func(ports []string) bool { return len(ports) == 0 }), nil
}

// Remove lets every port reach every other again. A table that is not there is
// no error.
func (t Table) Remove() error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("cannot reach nftables: %w", err)
	}
	c.AddTable(t.table()) // so that there is one to remove
	c.DelTable(t.table())
	if err := c.Flush(); err != nil {
		return fmt.Errorf("cannot remove the nftables table bridge %s: %w", t, err)
	}
	return nil
}

// elementsOf are names of links as the kernel compares them: 16 bytes, filled
// up with zeros.
func elementsOf(ports []Port) ([]nftables.SetElement, error) {
	var elements []nftables.SetElement
	for _, p := range ports {
		if p.Link == "" || len(p.Link) >= unix.IFNAMSIZ {
			return nil, fmt.Errorf("%q of %s cannot be the name of a link", p.Link, p.Host)
		}
		key := make([]byte, unix.IFNAMSIZ)
		copy(key, p.Link)
		elements = append(elements, nftables.SetElement{Key: key, Comment: p.Host})
	}
	if len(elements) == 0 {
		return nil, errors.New("a group of a partition has no port")
	}
	return elements, nil
}

// in goes on with a rule when the name of a frame's link is in a set.
func in(key expr.MetaKey, set *nftables.Set) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: key, Register: 1},
		&expr.Lookup{SourceRegister: 1, SetName: set.Name, SetID: set.ID},
	}
}

func verdict(kind expr.VerdictKind) []expr.Any {
	return []expr.Any{&expr.Verdict{Kind: kind}}
}
