package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// scenario is one thing that is measured.
type scenario struct {
	name, what string
	// needs is what must be there, in words; files are those of it that are
	// looked for first, by the flag that names them.
	needs   string
	files   func(options) []string
	measure func(b *bench, ctx context.Context) error
	// here is true of what makes a cluster on this machine, which must be bare.
	here bool
}

// scenarios lists them, the quick ones first.
func scenarios() []scenario {
	const lab = "root, a bundle, kubeadm, and what `keelway lab create` needs; minutes for each pair, of which there are 3 at most"
	const alone = "root, and this machine bare and idle: no cluster, no containerd"
	return []scenario{
		{"cli", "start the programs", "keelway and kubeadm", programs, (*bench).cli, false},
		{"pki", "issue every certificate and kubeconfig", "kubeadm", theirs, (*bench).pki, false},
		{"floor", "run etcd and the API server alone", alone, everything, (*bench).floor, true},
		{"plan", "plan for simulated hosts, up to 5,000 of them", "nothing", nothing, (*bench).plan, false},
		{"present", "make a cluster where the images are present and containerd runs", alone, everything, (*bench).present, true},
		{"csr", "have a wave of nodes ask such a cluster for their certificates", alone, everything, (*bench).csr, true},
		{"bare", "make a cluster where there is nothing but the bundle", alone, everything, (*bench).bare, true},
		{"ssh100", "apply with nothing to do on 100 machines over SSH", lab, everything, noop(100, 10), false},
		{"ssh500", "apply with nothing to do on 500 machines over SSH", lab, everything, noop(500, 60), false},
		{"fleet-present", "make 3 control planes and 2 workers in a lab where the images are present", lab, everything, (*bench).fleetPresent, false},
		{"fleet-bare", "make 3 control planes and 2 workers in a lab where there is nothing but the bundle", lab, everything, (*bench).fleetBare, false},
	}
}

func nothing(options) []string      { return nil }
func theirs(o options) []string     { return []string{o.kubeadm} }
func programs(o options) []string   { return []string{o.keelway, o.kubeadm} }
func everything(o options) []string { return []string{o.keelway, o.kubeadm, o.bundle} }

// list says of each scenario what it does and needs.
func list() string {
	var out strings.Builder
	for _, s := range scenarios() {
		fmt.Fprintf(&out, "  %-13s %s; needs %s\n", s.name, s.what, s.needs)
	}
	return out.String()
}

func names(list []scenario) string {
	var all []string
	for _, s := range list {
		all = append(all, s.name)
	}
	return strings.Join(all, ",")
}

// choose returns the scenarios of a list of names; "" is all.
func choose(list string) ([]scenario, error) {
	if list == "" {
		return scenarios(), nil
	}
	var chosen []scenario
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(scenarios(), func(s scenario) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no scenario %q: there are %s", name, names(scenarios()))
		}
		chosen = append(chosen, scenarios()[i])
	}
	return chosen, nil
}
