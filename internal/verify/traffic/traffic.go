// Package traffic checks, from a probe on every node, that what runs there is reached and reaches others.
package traffic

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/verify/probe"
	"keelway.dev/keelway/internal/verify/result"
	"keelway.dev/keelway/internal/verify/subject"
)

// running returns the probes when they run. Nodes without one are said to be
// skipped.
func running(ctx context.Context, s *subject.Subject, o *result.Outcome) (*probe.Set, error) {
	select {
	case <-s.Started:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.ProbeErr != nil {
		o.Skip("", "there are no probes: %v", s.ProbeErr)
		return nil, nil //nolint:nilerr // PodStart fails with it, and the others are skipped
	}
	for _, n := range s.Nodes {
		switch {
		case !slices.Contains(s.Ready, n.Name):
			o.Skip(n.Name, "is not Ready")
		case s.Probes.Waiting[n.Name] != "":
			o.Skip(n.Name, "its probe does not run: see PodStart")
		}
	}
	return s.Probes, nil
}

// PodStart waits for the probes.
func PodStart(ctx context.Context, s *subject.Subject) (o result.Outcome, err error) {
	select {
	case <-s.Started:
	case <-ctx.Done():
		return o, ctx.Err()
	}
	if s.ProbeErr != nil {
		return o, s.ProbeErr
	}
	for _, n := range s.Nodes {
		if words := s.Probes.Waiting[n.Name]; words != "" {
			o.Fail(n.Name, "%s", words)
		}
		if !slices.Contains(s.Ready, n.Name) {
			o.Skip(n.Name, "is not Ready")
		}
	}
	o.Seen = result.Counted(len(s.Ready)-len(s.Probes.Waiting), len(s.Ready), "Ready node")
	return o, nil
}

// question is one thing asked from one node's probe.
type question struct {
	where string
	ask   func(context.Context) error
}

// ask asks all questions, as many at once as the probes allow, and says which
// failed.
func ask(ctx context.Context, o *result.Outcome, what string, all []question) error {
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, q := range all {
		wg.Go(func() { errs[i] = q.ask(ctx) })
	}
	wg.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	good := 0
	for i, err := range errs {
		if err != nil {
			o.Fail(all[i].where, "%v", err)
			continue
		}
		good++
	}
	if len(all) > 0 {
		o.Seen = result.Counted(good, len(all), what)
	}
	return nil
}

// each makes one question for the pod of each node, in the order of the nodes.
func each(s *subject.Subject, pods map[string]*corev1.Pod, do func(context.Context, *corev1.Pod) error) []question {
	var all []question
	for _, n := range s.Ready {
		if p := pods[n]; p != nil {
			all = append(all, question{n, func(ctx context.Context) error { return do(ctx, p) }})
		}
	}
	return all
}

// PodToPod asks every pod from every other node.
func PodToPod(ctx context.Context, s *subject.Subject) (o result.Outcome, err error) {
	set, err := running(ctx, s, &o)
	if set == nil {
		return o, err
	}
	var all []question
	for _, a := range s.Ready {
		for _, b := range s.Ready {
			from, to := set.Pods[a], set.Pods[b]
			// A node with itself only where there is no other.
			if from == nil || to == nil || a == b && len(s.Ready) > 1 {
				continue
			}
			all = append(all, question{a + " to " + b, func(ctx context.Context) error { return set.AskPod(ctx, from, to) }})
		}
	}
	return o, ask(ctx, &o, "pair", all)
}

// PodToService asks the Service by each of its addresses.
func PodToService(ctx context.Context, s *subject.Subject) (o result.Outcome, err error) {
	set, err := running(ctx, s, &o)
	if set == nil {
		return o, err
	}
	return o, ask(ctx, &o, "node", each(s, set.Pods, func(ctx context.Context, p *corev1.Pod) error {
		for _, a := range set.Service.Spec.ClusterIPs {
			if _, err := set.Ask(ctx, p, a, 80); err != nil {
				return err
			}
		}
		return nil
	}))
}

// DNS asks it by its name.
func DNS(ctx context.Context, s *subject.Subject) (o result.Outcome, err error) {
	set, err := running(ctx, s, &o)
	if set == nil {
		return o, err
	}
	name := probe.Name + "." + probe.Namespace + ".svc." + s.Model.Cluster.Networking.DNSDomain
	return o, ask(ctx, &o, "node", each(s, set.Pods, func(ctx context.Context, p *corev1.Pod) error {
		_, err := set.Ask(ctx, p, name, 80)
		return err
	}))
}

// NodePort asks each node from the one before it, from the host's network.
func NodePort(ctx context.Context, s *subject.Subject) (o result.Outcome, err error) {
	set, err := running(ctx, s, &o)
	if set == nil {
		return o, err
	}
	port := int(set.Service.Spec.Ports[0].NodePort)
	var from []*corev1.Pod
	for _, n := range s.Ready {
		if p := set.Hosts[n]; p != nil {
			from = append(from, p)
		}
	}
	var all []question
	for i, n := range s.Nodes {
		if len(from) == 0 || !slices.Contains(s.Ready, n.Name) {
			continue
		}
		asker := from[i%len(from)]
		if asker.Spec.NodeName == n.Name {
			asker = from[(i+1)%len(from)]
		}
		where := fmt.Sprintf("%s to %s:%d", asker.Spec.NodeName, n.Name, port)
		all = append(all, question{where, func(ctx context.Context) error {
			for _, address := range subject.Addresses(n) {
				if _, err := set.Ask(ctx, asker, address, port); err != nil {
					return err
				}
			}
			return nil
		}})
	}
	return o, ask(ctx, &o, "node", all)
}

// Endpoint asks the API from every host.
func Endpoint(ctx context.Context, s *subject.Subject) (o result.Outcome, err error) {
	set, err := running(ctx, s, &o)
	if set == nil {
		return o, err
	}
	server := s.Model.Cluster.ControlPlaneURL(s.Model.Hosts[0].Init.LocalAPIEndpoint)
	err = ask(ctx, &o, "node", each(s, set.Hosts, func(ctx context.Context, p *corev1.Pod) error {
		return set.AskAPI(ctx, p, server)
	}))
	if o.Seen != "" {
		o.Seen += " by " + server
	}
	return o, err
}

// Logs reads the logs of every probe.
func Logs(ctx context.Context, s *subject.Subject) (o result.Outcome, err error) {
	set, err := running(ctx, s, &o)
	if set == nil {
		return o, err
	}
	return o, ask(ctx, &o, "node", each(s, set.Pods, func(ctx context.Context, p *corev1.Pod) error {
		text, err := s.Client.Typed.CoreV1().Pods(probe.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{}).DoRaw(ctx)
		if err == nil && len(text) == 0 {
			return fmt.Errorf("the logs of pod %s are empty: it has said on which port it serves", p.Name)
		}
		return err
	}))
}

// Exec runs a command in every probe.
func Exec(ctx context.Context, s *subject.Subject) (o result.Outcome, err error) {
	set, err := running(ctx, s, &o)
	if set == nil {
		return o, err
	}
	return o, ask(ctx, &o, "node", each(s, set.Pods, func(ctx context.Context, p *corev1.Pod) error {
		version, err := set.Version(ctx, p)
		if err == nil && !strings.Contains(version, "v1.") {
			return fmt.Errorf("kubectl version in pod %s printed %q", p.Name, version)
		}
		return err
	}))
}
