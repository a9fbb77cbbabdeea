package plan_test

import (
	"slices"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/plan"
)

// TestBalancersComeFirst: what names the endpoint needs them, and one that is
// lost keeps nobody from mending the rest.
func TestBalancersComeFirst(t *testing.T) {
	with := func(host string, part plan.Part) plan.HostPlan {
		return plan.HostPlan{Host: host, Part: part, Plan: plan.Plan{Steps: []plan.Step{{Resource: desired.Resource{ID: "a/b"}}}}}
	}
	hosts := []plan.HostPlan{with("cp1", plan.First), with("w1", plan.Node), with("lb1", plan.Balancer), with("lb2", plan.Balancer)}
	var names []string
	for _, s := range plan.Order(hosts).Stages {
		for _, h := range s.Hosts {
			names = append(names, s.Name+": "+h.Host)
		}
	}
	if want := []string{"load balancers: lb1", "load balancers: lb2", "control planes: cp1", "workers: w1"}; !slices.Equal(names, want) {
		t.Errorf("the order is %q, want %q", names, want)
	}
	hosts[3].Unreachable = "no route to host"
	f := plan.Order(hosts)
	if len(f.Refusals) > 0 || len(f.Notes) != 1 || !strings.Contains(f.Notes[0], "lb2") || len(f.Stages[0].Hosts) != 1 {
		t.Errorf("without lb2: refusals %q, notes %q, stages %v", f.Refusals, f.Notes, f.Stages)
	}
}
