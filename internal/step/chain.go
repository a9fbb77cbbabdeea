package step

import (
	"context"
	"fmt"
	"strings"

	"keelway.dev/keelway/internal/host"
)

// removeChain removes a chain of iptables, "program table chain", and the rules
// of built-in chains that do nothing but jump there. What is gone already is no
// error.
func (r *Runner) removeChain(ctx context.Context, target string) error {
	f := strings.Fields(target)
	if len(f) != 3 {
		return fmt.Errorf("%q is no chain of iptables", target)
	}
	program, table, chain := f[0], f[1], f[2]
	run := func(args ...string) (host.Result, error) {
		return r.Host.Run(ctx, host.Command{Argv: append([]string{program, "--wait", "5", "--table", table}, args...)})
	}
	rules, err := run("--list-rules")
	if err != nil {
		return err
	}
	for rule := range strings.Lines(string(rules.Stdout)) {
		words := strings.Fields(rule)
		if len(words) == 4 && words[0] == "-A" && words[2] == "-j" && words[3] == chain {
			if _, err := run("--delete", words[1], "--jump", chain); err != nil {
				return err
			}
		}
	}
	if _, err := run("--flush", chain); err != nil {
		return err
	}
	gone, err := run("--delete-chain", chain)
	if err != nil {
		return err
	}
	if still, err := run("--list-rules", chain); err == nil && still.Code == 0 {
		return fmt.Errorf("cannot remove the chain %s of the table %s of %s on %s: %s; see which rule uses it with `%s-save`",
			chain, table, program, r.Host.Name(), strings.TrimSpace(string(gone.Stderr)), program)
	}
	return nil
}
