// Package evidence collects what a host and its cluster say about a component that does not work.
package evidence

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/diagnose/component"
	"keelway.dev/keelway/internal/diagnose/state"
	"keelway.dev/keelway/internal/observe"
)

// Evidence is everything that a cause is looked for in, as plain data.
type Evidence struct {
	Now time.Time
	// Manager is who keeps services running: "systemd" or "supervisor".
	Manager string
	// Asked is the component whose failure is to be explained; "" for any.
	Asked string
	// Cause is the failed step's own error.
	Cause Line
	// Components are the one asked for, last, and all that it needs.
	Components []Component
	// Profile and Port are the cluster's: the port of the API server.
	Profile cluster.Profile
	Port    int
	// API is true when the API answers; APIError says why it does not.
	API      bool
	APIError string
	Facts
}

// Component is one component and what was said.
type Component struct {
	state.State
	// Words are its own lines, the oldest first.
	Words []Line
	// About are lines of the kubelet, the runtime and the API about it.
	About []Line
	// Log is where a person reads more of its words: a file or a command.
	Log string
	// Begun is when the pod of its newest container was made.
	Begun time.Time
}

// Facts are about the host itself.
type Facts struct {
	// Holders says who listens on the ports that are said to be in use.
	Holders map[int]Holder
	// Addresses are the host's own.
	Addresses []string
	Disks     []observe.Disk
	// Certificates are the problems of certificates and kubeconfigs.
	Certificates []Certificate
	// CgroupVersion is 1, 2 or 0 when it could not be read; the drivers are
	// "systemd", "cgroupfs" or "".
	CgroupVersion                int
	KubeletDriver, RuntimeDriver string
	// RTC is the battery clock; zero without one.
	RTC time.Time
}

// Holder is a process that holds a port.
type Holder struct {
	PID  int
	Name string
	// Command is its whole command line, cut to a readable length.
	Command string
}

// Certificate is a problem of one certificate or kubeconfig.
type Certificate struct {
	// Name is as in the plan's steps: "certs/apiserver", "kubeconfig/admin".
	Name, Path, Problem string
}

// Query says what is to be explained.
type Query struct {
	Model *cluster.Model
	// Asked is a component's name; "" for all.
	Asked string
	// Cause is the failed step's error; "" for none.
	Cause string
}

// Collect looks at everything at once. What cannot be read is left out: a
// diagnosis from half the evidence is better than none.
func Collect(ctx context.Context, s state.Sources, q Query) Evidence {
	e := Evidence{Now: s.Now(), Manager: s.Services.Kind(), Asked: q.Asked}
	host := q.Model.Hosts[0]
	e.Profile, e.Port = q.Model.Profile, int(host.Init.LocalAPIEndpoint.BindPort)
	list := component.For(q.Model, host)
	if q.Asked != "" {
		list = component.Chain(list, q.Asked)
	}
	reader := NewReader(e.Now)
	e.Cause = reader.Line(q.Cause)

	var wg sync.WaitGroup
	var seen state.Seen
	wg.Go(func() { seen = state.Look(ctx, s, list) })
	wg.Go(func() { e.Facts = facts(ctx, s.Host, q.Model, e.Now) })
	wg.Wait()
	if e.API = seen.API != nil; !e.API {
		e.APIError = state.Plain(seen.APIError.Error())
	}

	e.Components = make([]Component, len(list))
	for i, st := range seen.States {
		wg.Go(func() { e.Components[i] = collect(ctx, s, st, reader) })
	}
	wg.Wait()
	e.runtimeWords(seen)
	e.kubeletWords()
	if seen.API != nil {
		e.apiWords(ctx, seen.API, host.Init.NodeRegistration.Name, reader)
	}
	e.Holders = holders(ctx, s.Host, e.lines())
	return e
}

// collect reads a component's own words.
func collect(ctx context.Context, s state.Sources, st state.State, reader *Reader) Component {
	c := Component{State: st}
	const lines = 200
	if st.Unit != "" {
		c.Log = "journalctl -u " + st.Unit
		if s.Services.Kind() != "systemd" {
			c.Log = "/var/log/keelway/" + st.Unit + ".log"
		}
		if raw, err := s.Services.Logs(ctx, st.Unit, lines); err == nil {
			for _, l := range raw {
				c.Words = append(c.Words, reader.Line(l))
			}
		}
		return c
	}
	files := logFiles(ctx, s.Host, st.Namespace, podPrefix(st.Component))
	if len(files) > 0 {
		c.Log = files[0].path
	}
	// The newest attempt may have said nothing yet: the one before did.
	for i := min(2, len(files)) - 1; i >= 0; i-- {
		raw, err := tail(ctx, s.Host, files[i].path, lines)
		if err != nil {
			continue
		}
		for _, l := range raw {
			if l != "" {
				c.Words = append(c.Words, reader.Container(l))
			}
		}
	}
	return c
}

// podPrefix is how the names of a component's pods begin.
func podPrefix(c component.Component) string {
	return cmp.Or(c.Workload, c.Name) + "-"
}

// owner finds the component that a pod belongs to.
func (e *Evidence) owner(namespace, pod string) *Component {
	for i, c := range e.Components {
		if c.Unit == "" && c.Namespace == namespace && strings.HasPrefix(pod, podPrefix(c.Component)) {
			return &e.Components[i]
		}
	}
	return nil
}

// killed is the exit code of a process that SIGKILL ended.
const killed = 128 + 9

// runtimeWords gives each component what the runtime says of its containers.
func (e *Evidence) runtimeWords(seen state.Seen) {
	for i, c := range e.Components {
		for _, k := range c.Containers[:min(2, len(c.Containers))] {
			if k.Message == "" && k.Reason != "OOMKilled" && k.ExitCode != killed {
				continue
			}
			words := fmt.Sprintf("container %s: %s (exit code %d): %s", k.Name, k.Reason, k.ExitCode, k.Message)
			e.Components[i].About = append(e.Components[i].About, Line{At: k.End, Level: Error, Text: strings.TrimSuffix(words, ": ")})
		}
	}
	if seen.Runtime == nil {
		return
	}
	for _, pod := range seen.Runtime.Sandboxes {
		for i, c := range e.Components {
			if len(c.Containers) > 0 && c.Containers[0].UID == pod.UID && (c.Begun.IsZero() || pod.Created.Before(c.Begun)) {
				e.Components[i].Begun = pod.Created
			}
		}
	}
	if seen.Runtime.NetworkReady {
		return
	}
	for i, c := range e.Components {
		if c.Name == "kubelet" || c.Name == "coredns" {
			e.Components[i].About = append(e.Components[i].About, Line{At: e.Now, Level: Error, Text: "the runtime's network is not ready: " + seen.Runtime.Words})
		}
	}
}

// kubeletWords gives each component what the kubelet complained about its pod.
func (e *Evidence) kubeletWords() {
	var said []Line
	for _, c := range e.Components {
		if c.Name == "kubelet" {
			said = c.Words
		}
	}
	for _, l := range said {
		if l.Level < Error {
			continue
		}
		_, after, ok := strings.Cut(l.Text, "pod=")
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(strings.Trim(after, `"`), " ")
		namespace, pod, _ := strings.Cut(strings.TrimRight(name, `)"`), "/")
		if c := e.owner(namespace, pod); c != nil {
			c.About = append(c.About, l)
		}
	}
}

func (e *Evidence) lines() []Line {
	all := []Line{e.Cause}
	for _, c := range e.Components {
		all = append(append(all, c.Words...), c.About...)
	}
	return all
}
