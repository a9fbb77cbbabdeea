package report

import (
	"encoding/json"
	"io"
	"math"
	"sync"
	"time"
)

// jsonSink writes events for programs.
type jsonSink struct {
	mu  sync.Mutex
	enc *json.Encoder
	now func() time.Time
}

// NewJSON returns a sink that writes each event as one line of JSON, in one
// write. Times are UTC, and an event without a time gets the present one;
// seconds are rounded to milliseconds. Errors of w are ignored: progress that
// nobody can read must not stop the work.
func NewJSON(w io.Writer) Sink { return newJSON(w, time.Now) }

func newJSON(w io.Writer, now func() time.Time) *jsonSink {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &jsonSink{enc: enc, now: now}
}

func (s *jsonSink) Emit(e Event) {
	if e.Time.IsZero() {
		e.Time = s.now()
	}
	e.Time = e.Time.UTC()
	e.Seconds = math.Round(e.Seconds*1000) / 1000
	if math.IsNaN(e.Seconds) || math.IsInf(e.Seconds, 0) {
		e.Seconds = 0 // JSON has no such number, and the line must not be lost
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.enc.Encode(e)
}
