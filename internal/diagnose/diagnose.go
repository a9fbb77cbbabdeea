// Package diagnose says in words why a step or a component failed: who is at fault, its last words, the cause and the next thing to do.
package diagnose

import (
	"context"
	"strings"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/diagnose/cause"
	"keelway.dev/keelway/internal/diagnose/component"
	"keelway.dev/keelway/internal/diagnose/evidence"
	"keelway.dev/keelway/internal/diagnose/state"
	"keelway.dev/keelway/internal/plan"
)

// Sources are where to look, and what should be there.
type Sources struct {
	state.Sources
	Model *cluster.Model
	// By is the command that makes such a machine, and makes good what is wrong
	// with it; "" is "keelway up".
	By string
}

// Diagnosis is what one failure came to.
type Diagnosis struct {
	// Component is the one at fault; "" when no component is.
	Component string `json:"component,omitempty"`
	// Asked is the component whose failure was to be explained, where that is
	// another one: it needs Component.
	Asked string `json:"asked,omitempty"`
	// State says how it is: "kube-apiserver exited 1 four times in 20s".
	State string `json:"state,omitempty"`
	// Words are its last words.
	Words []string `json:"words,omitempty"`
	// Causes are what was recognised, the likeliest first.
	Causes []cause.Finding `json:"causes,omitempty"`
	// Log is where there is more: a file or a command.
	Log string `json:"log,omitempty"`
}

// patience bounds a whole diagnosis.
const patience = 15 * time.Second

// Diagnose explains a failed step in a few lines. It only reads, and says
// nothing when it knows nothing that the error does not say.
func Diagnose(ctx context.Context, s Sources, failed plan.Step, err error) string {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	asked := culprit(failed, s.Model)
	q := evidence.Query{Model: s.Model, Asked: asked, Cause: err.Error()}
	e := evidence.Collect(ctx, s.Sources, q)
	if !lives(failed) {
		// A file that could not be written is nobody's fault who runs.
		e.Components = nil
	}
	d := From(e)
	s.name(d.Causes)
	return d.String()
}

// name puts the command of this machine in the place of `up` in what to do next.
func (s Sources) name(causes []cause.Finding) {
	for i, f := range causes {
		if s.By != "" {
			causes[i].Next = strings.ReplaceAll(f.Next, "`keelway up`", "`"+s.By+"`")
		}
	}
}

// lives is true for a step that starts or waits for what runs.
func lives(s plan.Step) bool {
	r := s.Resource
	return r.Service != nil || r.Wait != nil || len(r.Images) > 0 || len(r.Objects) > 0
}

// culprit is the component that a step is about.
func culprit(s plan.Step, m *cluster.Model) string {
	r := s.Resource
	if len(r.Objects) > 0 {
		return "kube-apiserver" // it did not take them
	}
	list := component.For(m, m.Hosts[0])
	if r.Service != nil {
		for _, c := range list {
			if c.Unit == r.Service.Name {
				return c.Name
			}
		}
	}
	if _, ok := component.Find(list, r.Component); ok {
		return r.Component
	}
	return ""
}

// Examine looks at every component and returns one diagnosis for each that is
// installed and does not work, in the order in which they need each other.
// installed is false where no component is.
func Examine(ctx context.Context, s Sources) (list []Diagnosis, installed bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	e := evidence.Collect(ctx, s.Sources, evidence.Query{Model: s.Model})
	ill := map[string]string{} // how the components are that do not work
	for i, c := range e.Components {
		installed = installed || c.Health != state.Absent && c.Health != state.Unknown
		switch c.Health {
		case state.Absent:
			ill[c.Name] = "is not installed"
			continue
		case state.Healthy, state.Unknown:
			continue // of what is unknown, the API server is the one to explain
		}
		one := e
		one.Asked, one.Components = c.Name, e.Components[:i+1]
		d := Diagnosis{Component: c.Name, State: sentence(c, e.Now), Words: lastWords(c.Words), Log: c.Log}
		for _, f := range cause.Find(one) {
			if f.Component == c.Name {
				d.Causes = append(d.Causes, f)
			}
		}
		// What it says of others counts only where nothing else explains it.
		if known := needs(c, ill); known != nil && (len(d.Causes) == 0 || d.Causes[0].Weak || stopped(c)) {
			d.Causes = known
		}
		if stopped(c) {
			d.Words = nil // they were not the reason
		}
		ill[c.Name] = "does not work"
		s.name(d.Causes)
		list = append(list, d)
	}
	if host := s.Model.Hosts[0]; installed && !e.API && host.Has(cluster.Worker) && !host.Has(cluster.ControlPlane) {
		list = append(list, unreachable(s.Model, e.APIError))
	}
	return list, installed
}

// unreachable is of a worker, where nothing that answers for the API runs.
func unreachable(m *cluster.Model, words string) Diagnosis {
	at := m.Cluster.ControlPlaneURL(m.Hosts[0].Init.LocalAPIEndpoint)
	return Diagnosis{State: "The API does not answer this machine", Words: []string{words}, Causes: []cause.Finding{{
		Rule: "api-unreachable", Cause: "nobody answers at " + at + ", which the kubelet calls",
		Next: "run `keelway status` on a control plane; if the API answers there, look at what is between: the load balancer, a route, a firewall",
	}}}
}

// needs blames what the component needs, where that does not work either; and
// nobody but whoever has stopped it, or not started it yet.
func needs(c evidence.Component, ill map[string]string) []cause.Finding {
	for _, n := range c.Needs {
		if how := ill[n]; how != "" {
			f := cause.Finding{Rule: "needs", Component: c.Name, Cause: "it needs " + n + ", which " + how, Next: "see " + n}
			if how == "is not installed" {
				f.Next = "run `keelway up` again, which installs it"
			}
			return []cause.Finding{f}
		}
	}
	switch {
	case c.Health == state.Starting:
		return []cause.Finding{{Rule: "starting", Component: c.Name, Cause: "it was started a moment ago", Next: "look again in a few seconds"}}
	case stopped(c):
		return []cause.Finding{{Rule: "stopped", Component: c.Name, Cause: "it was stopped", Next: "run `keelway up`, which starts it again"}}
	case c.Service != nil && !c.Running && c.Service.Exit == "" && c.Service.Restarts == 0:
		return []cause.Finding{{Rule: "not-started", Component: c.Name, Cause: "nobody has started it, as when `keelway up` was interrupted", Next: "run `keelway up` again"}}
	}
	return nil
}

// stopped is true for a service that somebody has ended in good order.
func stopped(c evidence.Component) bool {
	return c.Service != nil && !c.Running && c.Service.State == "inactive" && c.Service.Exit == "exit status 0"
}

// From makes a diagnosis of evidence about one component. It is pure.
func From(e evidence.Evidence) Diagnosis {
	found := cause.Find(e)
	guilty := e.Asked
	for _, c := range e.Components {
		if c.Health == state.Unhealthy || c.Health == state.Starting {
			guilty = c.Name // what it needs comes first
			break
		}
	}
	if len(found) > 0 && found[0].Component != "" {
		guilty = found[0].Component
	}
	d := Diagnosis{Causes: found}
	for _, c := range e.Components {
		if c.Name == guilty {
			d.Component, d.State, d.Words, d.Log = c.Name, sentence(c, e.Now), lastWords(c.Words), c.Log
			if e.Asked != guilty {
				d.Asked = e.Asked
			}
		}
	}
	return d
}

// String says a diagnosis in lines for people; "" is none.
func (d Diagnosis) String() string {
	var b strings.Builder
	line := func(words string) { b.WriteString(words + "\n") }
	if d.Asked != "" {
		line(d.Asked + " cannot work without " + d.Component + ".")
	}
	if d.State != "" {
		line(d.State + ".")
	}
	if len(d.Words) > 0 {
		line("Its last words:")
		for _, w := range d.Words {
			line("  " + w)
		}
	}
	for i, f := range d.Causes {
		switch i {
		case 0:
			line("Cause: " + f.Cause + ".")
			line("Next: " + f.Next + ".")
		case 1, 2:
			line("Also: " + f.Cause + ".")
		}
	}
	if len(d.Causes) == 0 && d.State != "" {
		line("Cause: not one that keelway knows.")
	}
	if d.Log != "" {
		line("More: " + d.Log)
	}
	return strings.TrimRight(b.String(), "\n")
}
