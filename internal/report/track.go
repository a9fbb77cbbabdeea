package report

import (
	"slices"
	"time"

	"keelway.dev/keelway/internal/report/text"
)

// active is a step that has begun and not ended.
type active struct {
	begin   Event
	since   time.Time
	waiting bool
	detail  string
	// said and saidAt are the last plain line about the wait.
	said   string
	saidAt time.Time
}

// track knows what is going on from the events so far.
type track struct {
	host    string // the operation's own
	running []*active
	// steps counts those of the operation that ended well; round those of the
	// plan at hand, of total.
	steps, round, total int
	// failure is the last detail shown, so that the operation's own failure
	// does not repeat it.
	failure string
}

// see takes e in and returns it completed by what its beginning said, with the
// step it is about, if any.
func (t *track) see(e Event, now time.Time) (Event, *active) {
	if e.Time.IsZero() {
		e.Time = now
	}
	if e.Step == "" {
		switch e.Kind {
		case Start:
			*t = track{host: e.Host}
		case Done, Failed:
			t.running = nil
		}
		return e, nil
	}
	i := slices.IndexFunc(t.running, func(a *active) bool {
		return a.begin.Step == e.Step && a.begin.Host == e.Host
	})
	var a *active
	if i >= 0 {
		a = t.running[i]
		e = complete(e, a)
	}
	switch e.Kind {
	case Step, Wait:
		if a == nil {
			if len(t.running) == 0 && e.Total != t.total {
				t.round, t.total = 0, e.Total // a new plan
			}
			a = &active{begin: e, since: e.Time.Add(-time.Duration(e.Seconds * float64(time.Second)))}
			a.saidAt = a.since
			t.running = append(t.running, a)
		}
		if e.Kind == Wait {
			a.waiting, a.detail = true, text.OneLine(e.Detail)
		}
	case Done, Failed:
		if e.Kind == Done {
			t.steps++
			t.round++
		}
		if i >= 0 {
			t.running = slices.Delete(t.running, i, i+1)
		}
	}
	return e, a
}

func complete(e Event, a *active) Event {
	if e.Phase == "" {
		e.Phase = a.begin.Phase
	}
	if e.What == "" {
		e.What = a.begin.What
	}
	if e.Reason == "" {
		e.Reason = a.begin.Reason
	}
	if len(e.Files) == 0 {
		e.Files = a.begin.Files
	}
	if e.Seconds == 0 {
		e.Seconds = e.Time.Sub(a.since).Seconds()
	}
	return e
}

// main is the step that the live line is about: what has waited longest, else
// what has run longest.
func (t *track) main() *active {
	for _, a := range t.running {
		if a.waiting {
			return a
		}
	}
	if len(t.running) > 0 {
		return t.running[0]
	}
	return nil
}

// elsewhere is the event's host where it is not the operation's own.
func (t *track) elsewhere(e Event) string {
	if e.Host == t.host {
		return ""
	}
	return text.Clean(e.Host)
}

// where is the event's title, behind its host where that is another.
func (t *track) where(e Event) string {
	if host := t.elsewhere(e); host != "" {
		return host + ": " + title(e)
	}
	return title(e)
}

// title is what an event is about, in one line.
func title(e Event) string {
	if s := text.OneLine(e.What); s != "" {
		return s
	}
	return text.OneLine(e.Step)
}
