// Package staticpod builds the pods that a kubelet runs from a manifest folder, in kubeadm's form.
package staticpod

import (
	"cmp"
	"slices"

	"keelway.dev/keelway/internal/config"
)

// Command is a component's command line: its name, the base flags sorted by
// name without those that extra replaces, then extra in the user's order.
func Command(name string, base, extra []config.Arg) []string {
	base = slices.Clone(base)
	slices.SortFunc(base, func(a, b config.Arg) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
	})
	return append([]string{name}, Flags(base, extra)...)
}

// Flags is Command without the name, for a base that is sorted already.
func Flags(base, extra []config.Arg) []string {
	flags := []string{}
	for _, arg := range base {
		if _, replaced := Value(extra, arg.Name); !replaced {
			flags = append(flags, "--"+arg.Name+"="+arg.Value)
		}
	}
	for _, arg := range extra {
		flags = append(flags, "--"+arg.Name+"="+arg.Value)
	}
	return flags
}

// Value is what the last flag of that name says: the one that a component obeys.
func Value(args []config.Arg, name string) (value string, ok bool) { return config.Value(args, name) }
