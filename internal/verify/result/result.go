// Package result is what the checks of a cluster came to.
package result

import (
	"fmt"
	"time"
)

// Level says how bad a finding is, or how a check ended.
type Level string

// The levels, from good to bad. A check ends as bad as its worst finding;
// Skipped is what could not be looked at, and why.
const (
	Passed  Level = "passed"
	Skipped Level = "skipped"
	Warning Level = "warning"
	Failed  Level = "failed"
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Level Level `json:"level"`
	// Where is a node, an address or a path; "" is the whole cluster.
	Where   string `json:"where,omitempty"`
	Message string `json:"message"`
	// Fix is what to do about it.
	Fix string `json:"fix,omitempty"`
}

// Result is how one check ended.
type Result struct {
	Name  string `json:"name"`
	Level Level  `json:"level"`
	// What was looked at, and Why it matters.
	What string `json:"what"`
	Why  string `json:"why"`
	// Seen counts what was in order, in words.
	Seen     string    `json:"seen,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
	Seconds  float64   `json:"seconds"`
}

// Report is how all checks ended.
type Report struct {
	Cluster string    `json:"cluster"`
	Time    time.Time `json:"time"`
	Nodes   []string  `json:"nodes"`
	Passed  bool      `json:"passed"`
	Results []Result  `json:"results"`
}

// Count is how many checks ended at a level.
func (r Report) Count(l Level) int {
	n := 0
	for _, one := range r.Results {
		if one.Level == l {
			n++
		}
	}
	return n
}

// Outcome is what a check returns: what was in order, in words, and what was not.
type Outcome struct {
	Seen  string
	Found []Finding
}

// Add puts a finding to the others; fix is "" where the check's own will do.
func (o *Outcome) Add(level Level, where, fix, format string, args ...any) {
	o.Found = append(o.Found, Finding{Level: level, Where: where, Message: fmt.Sprintf(format, args...), Fix: fix})
}

// Fail adds what is not as it must be.
func (o *Outcome) Fail(where, format string, args ...any) { o.Add(Failed, where, "", format, args...) }

// Warn adds what is not as it should be.
func (o *Outcome) Warn(where, format string, args ...any) {
	o.Add(Warning, where, "", format, args...)
}

// Skip adds what could not be looked at, and why.
func (o *Outcome) Skip(where, format string, args ...any) {
	o.Add(Skipped, where, "", format, args...)
}

// Level is that of the worst finding. Where something was in order, what was
// skipped beside it does not count.
func (o *Outcome) Level() Level {
	worst := Passed
	for _, l := range []Level{Skipped, Warning, Failed} {
		for _, f := range o.Found {
			if f.Level == l {
				worst = l
			}
		}
	}
	if worst == Skipped && o.Seen != "" {
		return Passed
	}
	return worst
}

// Counted says "3 of 4 nodes", or "4 nodes" when it is all of them.
func Counted(n, of int, what string) string {
	if of != 1 {
		what += "s"
	}
	if n != of {
		return fmt.Sprintf("%d of %d %s", n, of, what)
	}
	return fmt.Sprintf("%d %s", n, what)
}
