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
	measure    func(b *bench, ctx context.Context) error
}

// scenarios lists them, the quick ones first.
func scenarios() []scenario {
	return []scenario{
		{"cli", "start the programs", (*bench).cli},
		{"pki", "issue every certificate and kubeconfig", (*bench).pki},
		{"floor", "run etcd and the API server alone", (*bench).floor},
		{"present", "make a cluster where the images are present and containerd runs", (*bench).present},
		{"csr", "have a wave of nodes ask such a cluster for their certificates", (*bench).csr},
		{"bare", "make a cluster where there is nothing but the bundle", (*bench).bare},
	}
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
