// Package verify asks a cluster, by named checks, whether it does what a cluster is for.
package verify

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/verify/probe"
	"keelway.dev/keelway/internal/verify/result"
	"keelway.dev/keelway/internal/verify/subject"
)

// cleanLimit is how long removing what was made may take, also after Ctrl-C.
const cleanLimit = 30 * time.Second

// Target is the cluster that is asked.
type Target = subject.Target

// Machine is one host of it.
type Machine = subject.Machine

// Report is how all checks ended.
type Report = result.Report

// Result is how one check ended.
type Result = result.Result

// The levels at which a check ends.
const (
	Passed  = result.Passed
	Skipped = result.Skipped
	Warning = result.Warning
	Failed  = result.Failed
)

// Run makes every check, side by side, and removes what it made. The error
// means that nothing could be asked, or that something was left behind.
func Run(ctx context.Context, t Target) (r Report, err error) {
	nodes, err := t.Client.Typed.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return Report{}, fmt.Errorf("cannot verify the cluster: the API does not answer: %w; look at `keelway diagnose` on a control plane", err)
	}
	s := &subject.Subject{Target: t, Nodes: nodes.Items, Started: make(chan struct{})}
	r = Report{Cluster: t.Model.Cluster.ClusterName, Time: t.Now()}
	for _, n := range s.Nodes {
		r.Nodes = append(r.Nodes, n.Name)
		if subject.IsReady(n) {
			s.Ready = append(s.Ready, n.Name)
		}
	}
	s.Probes = probe.New(t.Client, len(s.Ready))
	defer func() {
		clean, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanLimit)
		defer stop()
		if removeErr := s.Probes.Remove(clean); removeErr != nil {
			err = removeErr
		}
	}()
	checks := Checks()
	r.Results = make([]Result, len(checks))
	// The probes are made before anything else is, because that removes first
	// what a killed run left.
	if err := s.Probes.Remove(ctx); err != nil {
		return r, err
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(s.Started)
		if len(s.Ready) == 0 {
			s.ProbeErr = errors.New("no node is Ready")
			return
		}
		s.ProbeErr = s.Probes.Start(ctx, desired.ProofImages(t.Model).Client, s.Ready)
	})
	ended := make([]chan struct{}, len(checks))
	for i, c := range checks {
		ended[i] = make(chan struct{})
		wg.Go(func() {
			defer close(ended[i])
			r.Results[i] = c.result(ctx, s)
		})
	}
	for i := range checks {
		<-ended[i]
		if t.Done != nil && ctx.Err() == nil {
			t.Done(r.Results[i])
		}
	}
	wg.Wait()
	r.Passed = r.Count(Failed) == 0
	return r, ctx.Err()
}

func (c Check) result(ctx context.Context, s *subject.Subject) Result {
	began := s.Now()
	o, err := c.run(ctx, s)
	if err != nil {
		o.Fail("", "%v", err)
	}
	for i, f := range o.Found {
		if f.Fix == "" && f.Level != Skipped {
			o.Found[i].Fix = c.Fix
		}
	}
	return Result{
		Name: c.Name, What: c.What, Why: c.Why, Level: o.Level(), Seen: o.Seen, Findings: o.Found,
		Seconds: s.Now().Sub(began).Seconds(),
	}
}
