package observe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/prior"
)

// families are nftables' names for what each iptables program changes.
func families() map[string]string { return map[string]string{"iptables": "ip", "ip6tables": "ip6"} }

// Tables lists the nftables tables of a host; none where nothing can tell.
func Tables(ctx context.Context, h host.Host) ([]string, error) {
	kernel, ok := h.(host.Kernel)
	if !ok {
		return nil, nil
	}
	return kernel.Tables(ctx)
}

// chains adds the kubelet's chains in iptables to what is left, and the tables
// of iptables-nft that would be empty without them and were not there before:
// the first chain had made them.
func (o *Observer) chains(ctx context.Context, kernel host.Kernel, was prior.Record, left *observed.Residue) error {
	there, err := kernel.Tables(ctx)
	if err != nil {
		return err
	}
	for _, program := range slices.Sorted(maps.Keys(families())) {
		rules, err := o.saved(ctx, program)
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(rules)) {
			theirs := desired.KubeletChains()[name]
			ours, others := rules[name].split(theirs)
			for _, chain := range ours {
				left.Chains = append(left.Chains, program+" "+name+" "+chain)
			}
			table := families()[program] + " " + name
			if was.Tables != nil && len(theirs) > 0 && !others && slices.Contains(there, table) && !slices.Contains(was.Tables, table) {
				left.Tables = append(left.Tables, table)
			}
		}
	}
	return nil
}

// table is one table as iptables-save prints it.
type table struct {
	// policies are those of the chains, "-" for a chain that is not built in.
	policies map[string]string
	rules    []string
}

// split finds which of the chains there are, and whether there is anything else:
// another chain, another rule, or a policy that drops.
func (t table) split(chains []string) (ours []string, others bool) {
	for _, name := range slices.Sorted(maps.Keys(t.policies)) {
		if slices.Contains(chains, name) {
			ours = append(ours, name)
		} else if t.policies[name] != "ACCEPT" {
			others = true
		}
	}
	for _, rule := range t.rules {
		in, what, _ := strings.Cut(strings.TrimPrefix(rule, "-A "), " ")
		if !slices.Contains(chains, in) && !slices.Contains(chains, strings.TrimPrefix(what, "-j ")) {
			others = true
		}
	}
	return ours, others
}

// saved reads the tables of iptables or ip6tables by name; none where the
// program is not installed.
func (o *Observer) saved(ctx context.Context, program string) (map[string]table, error) {
	r, err := o.Host.Run(ctx, host.Command{Argv: []string{program + "-save"}})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if r.Code != 0 {
		return nil, fmt.Errorf("cannot read the rules of %s on %s: %s-save: %s", program, o.Host.Name(), program, strings.TrimSpace(string(r.Stderr)))
	}
	return parseSaved(string(r.Stdout)), nil
}

// parseSaved reads what iptables-save prints.
func parseSaved(text string) map[string]table {
	all := map[string]table{}
	name := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "*"):
			name = line[1:]
			all[name] = table{policies: map[string]string{}}
		case strings.HasPrefix(line, ":"):
			if f := strings.Fields(line[1:]); len(f) > 1 {
				all[name].policies[f[0]] = f[1]
			}
		case strings.HasPrefix(line, "-A "):
			t := all[name]
			t.rules = append(t.rules, line)
			all[name] = t
		}
	}
	return all
}
