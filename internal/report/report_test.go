package report

import (
	"strings"
	"testing"
	"time"
)

// scene is a run of events against a clock that the test moves.
type scene struct {
	t     *testing.T
	out   strings.Builder
	clock time.Time
	sink  Sink
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newScene(t *testing.T) *scene { return &scene{t: t, clock: epoch} }

func (s *scene) now() time.Time { return s.clock }

// at moves the clock to seconds after the beginning.
func (s *scene) at(seconds float64) *scene {
	s.clock = epoch.Add(time.Duration(seconds * float64(time.Second)))
	return s
}

func (s *scene) emit(events ...Event) {
	for _, e := range events {
		if e.Time.IsZero() {
			e.Time = s.clock
		}
		s.sink.Emit(e)
	}
}

// want compares what was written since the last call, byte by byte.
func (s *scene) want(want string) {
	s.t.Helper()
	if got := s.out.String(); got != want {
		s.t.Errorf("wrote\n%s\n%q\nwant\n%s\n%q", got, got, want, want)
	}
	s.out.Reset()
}

// The events that most scenes are made of.
var (
	start      = Event{Kind: Start, Host: "node-1", What: "keelway up · Kubernetes v1.37.0 · node-1"}
	containerd = Event{Kind: Step, Host: "node-1", Phase: "runtime", Step: "runtime/containerd", What: "install containerd 2.4.2",
		Reason: "/usr/local/bin/containerd is missing", Files: []string{"/usr/local/bin/containerd"}, Number: 1, Total: 3}
	images = Event{Kind: Step, Host: "node-1", Phase: "runtime", Step: "runtime/images", What: "import 9 images", Number: 2, Total: 3}
	api    = Event{Kind: Step, Host: "node-1", Phase: "wait-control-plane", Step: "wait-control-plane/apiserver",
		What: "wait until the API server is ready", Number: 3, Total: 3}
)

const rbac = "[+]ping ok\n[-]poststarthook/rbac/bootstrap-roles failed: reason withheld\nlivez check failed\n"

// as is e with another kind, time and detail.
func as(e Event, k Kind, seconds float64, detail string) Event {
	e.Kind, e.Seconds, e.Detail = k, seconds, detail
	return e
}
