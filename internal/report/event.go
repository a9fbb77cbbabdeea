// Package report turns what happens during an operation into words for people and lines for machines.
package report

import "time"

// Kind is what an event says.
type Kind string

// The kinds of events, in the order in which one operation emits them.
const (
	Start   Kind = "start"   // an operation begins; What names it
	Note    Kind = "note"    // something the user should know
	Warning Kind = "warning" // something the user should act on
	Step    Kind = "step"    // a step begins
	Wait    Kind = "wait"    // a step waits; Detail is what the component itself answers
	Done    Kind = "done"    // a step, or with an empty Step the whole operation, has ended well
	Failed  Kind = "failed"  // a step or the operation failed; Detail is the error
)

// Event is one thing that happened. Its JSON form is one line of
// `--output json` and a contract: fields are added, never renamed.
type Event struct {
	Time time.Time `json:"time"`
	Kind Kind      `json:"event"`
	Host string    `json:"host,omitempty"`
	// Phase and Step name the step as `keelway explain` does.
	Phase string `json:"phase,omitempty"`
	Step  string `json:"step,omitempty"`
	What  string `json:"what,omitempty"`
	// Reason is why the step was needed: what was missing or different.
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Seconds is how long it took (done, failed) or has taken so far (wait).
	Seconds float64 `json:"seconds,omitempty"`
	// Files are the paths that the step writes or removes.
	Files []string `json:"files,omitempty"`
	// Number and Total count steps of a plan: 3 of 41.
	Number int `json:"number,omitempty"`
	Total  int `json:"total,omitempty"`
}

// Sink takes events. Implementations are safe for concurrent use.
type Sink interface {
	Emit(Event)
}
