// Package state says how each component of a host is at this moment.
package state

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/diagnose/component"
	"keelway.dev/keelway/internal/diagnose/container"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/service"
)

// Sources are where to look.
type Sources struct {
	Host     host.Host
	Services service.Manager
	// Client is the way to the API; nil when there is none.
	Client func(ctx context.Context) (*kube.Client, error)
	Now    func() time.Time
}

// Health is what a component says of itself, or what the API says of it.
type Health string

// The healths. Starting is unhealthy since a moment ago only; Unknown means
// that nobody could be asked.
const (
	Healthy   Health = "healthy"
	Starting  Health = "starting"
	Unhealthy Health = "unhealthy"
	Unknown   Health = "unknown"
	Absent    Health = "not installed"
)

// State is how one component is.
type State struct {
	component.Component
	Health Health
	// Answer is the component's own words, or why there are none.
	Answer string
	// Running is true while one of its processes runs on this host.
	Running bool
	Version string
	// Restarts counts those of what runs now.
	Restarts int
	// Service is what the service manager knows of it; nil for pods.
	Service *service.Status
	// Containers are its containers here, the newest first.
	Containers []container.Container
}

// Seen is one look at a host.
type Seen struct {
	// States are in the order of the components that were asked for.
	States []State
	// Runtime is nil, and RuntimeError says why, when it does not answer.
	Runtime      *container.Runtime
	RuntimeError error
	// API is nil, and APIError says why, when it does not answer.
	API      *kube.Client
	APIError error
}

// patience bounds each question.
const patience = 2 * time.Second

// young is how long a process may take to answer before it counts as unhealthy.
const young = 15 * time.Second

// Look asks all components side by side. What does not answer is an
// observation, not an error.
func Look(ctx context.Context, s Sources, list []component.Component) Seen {
	var seen Seen
	var wg sync.WaitGroup
	wg.Go(func() {
		r, err := container.Read(ctx, s.Host)
		if err != nil {
			seen.RuntimeError = err
			return
		}
		seen.Runtime = &r
	})
	wg.Go(func() { seen.API, seen.APIError = reach(ctx, s) })
	answers := make([]answer, len(list))
	for i, c := range list {
		wg.Go(func() { answers[i] = ask(ctx, s.Host, c) })
	}
	wg.Wait()
	seen.States = make([]State, len(list))
	for i, c := range list {
		wg.Go(func() { seen.States[i] = s.state(ctx, c, answers[i], seen) })
	}
	wg.Wait()
	return seen
}

// Of returns the state of a component by name.
func (s Seen) Of(name string) (State, bool) {
	for _, st := range s.States {
		if st.Name == name {
			return st, true
		}
	}
	return State{}, false
}

// reach returns a client of an API that answers.
func reach(ctx context.Context, s Sources) (*kube.Client, error) {
	if s.Client == nil {
		return nil, errors.New("no way to reach the API")
	}
	c, err := s.Client(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err = c.Typed.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) {
		return nil, err // a refusal is an answer too
	}
	return c, nil
}

func (s Sources) state(ctx context.Context, c component.Component, a answer, seen Seen) State {
	st := s.judge(ctx, c, a, seen)
	if st.Health == Unhealthy && st.Running && !st.begun().IsZero() && s.Now().Sub(st.begun()) < young {
		st.Health = Starting
	}
	return st
}

// begun is when the newest process was started; zero when it is not known.
func (st *State) begun() time.Time {
	switch {
	case st.Service != nil:
		return st.Service.Since
	case len(st.Containers) > 0:
		return st.Containers[0].Started
	}
	return time.Time{}
}

func (s Sources) judge(ctx context.Context, c component.Component, a answer, seen Seen) State {
	st := State{Component: c, Health: Unknown}
	switch c.Kind {
	case component.Service:
		s.service(ctx, &st, a, seen)
		return st
	case component.StaticPod:
		if _, err := s.Host.Stat(ctx, c.File); err != nil {
			st.Health, st.Answer = Absent, c.File+" does not exist"
		}
	}
	st.containers(seen.Runtime)
	if c.Kind == component.StaticPod {
		st.staticPod(a, seen)
		return st
	}
	if c.Here {
		s.here(&st, a, seen)
		return st
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	st.workload(ctx, seen)
	if a.asked && !a.ok && st.Running {
		st.Health, st.Answer = Unhealthy, a.words
	}
	return st
}

func (s Sources) service(ctx context.Context, st *State, a answer, seen Seen) {
	status, err := s.Services.Status(ctx, st.Unit)
	if err != nil {
		st.Answer = fmt.Sprintf("the %s does not answer: %v", s.Services.Kind(), err)
		return
	}
	st.Service, st.Running, st.Restarts = &status, status.Running, status.Restarts
	if _, err := s.Host.Stat(ctx, st.File); err != nil && !status.Running {
		st.Health, st.Answer = Absent, st.File+" does not exist"
		return
	}
	switch {
	case !status.Running:
		st.Health, st.Answer = Unhealthy, strings.TrimSpace(cmp.Or(status.State, "it does not run")+" "+parens(status.Exit))
	case st.Unit == "containerd":
		st.runtime(seen)
	case a.asked && !a.ok:
		st.Health, st.Answer = Unhealthy, a.words
	default:
		st.Health = Healthy
	}
}

func (st *State) runtime(seen Seen) {
	switch r := seen.Runtime; {
	case r == nil:
		st.Health, st.Answer = Unhealthy, "its socket does not answer: "+seen.RuntimeError.Error()
	case !r.Ready:
		st.Health, st.Answer, st.Version = Unhealthy, r.Words, r.Version
	default:
		// Without a network it still runs every pod of the host's own network.
		st.Health, st.Answer, st.Version = Healthy, r.Words, r.Version
	}
}

func (st *State) staticPod(a answer, seen Seen) {
	switch {
	case st.Health == Absent && !st.Running:
	case a.asked && a.ok:
		st.Health, st.Answer = Healthy, ""
	case seen.Runtime == nil:
		st.Health, st.Answer = Unhealthy, a.words
	case len(st.Containers) == 0:
		st.Health, st.Answer = Unhealthy, "it has no container yet"
	case !st.Running:
		st.Health, st.Answer = Unhealthy, ended(st.Containers[0])
	default:
		st.Health, st.Answer = Unhealthy, a.words
	}
}
