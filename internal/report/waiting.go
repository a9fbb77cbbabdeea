package report

import "time"

// Waiting returns what a step calls with a component's own words while it
// waits: a Wait event like e is emitted for new words at once, and for the same
// words once a second, so that a person sees time go on.
func Waiting(to Sink, e Event, now func() time.Time) func(detail string) {
	began := now()
	said, saidAt := "", time.Time{}
	return func(detail string) {
		at := now()
		if detail == said && at.Sub(saidAt) < time.Second {
			return
		}
		said, saidAt = detail, at
		e.Kind, e.Detail, e.Time, e.Seconds = Wait, detail, at, at.Sub(began).Seconds()
		to.Emit(e)
	}
}
