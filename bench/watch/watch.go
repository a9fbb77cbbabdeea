// Package watch looks at a cluster from outside while it comes up, and writes down when each thing came true.
package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Moment is something that comes true while a cluster comes up.
type Moment string

// The moments, in the order in which they are usually seen.
const (
	Written        Moment = "kubeconfig written"
	APILive        Moment = "API live"        // /readyz answers 200
	NodeRegistered Moment = "node registered" // the Node exists
	NodeReady      Moment = "node Ready"
	DNSCreated     Moment = "CoreDNS pods created"
	DNSRunning     Moment = "CoreDNS running" // both pods are in the phase Running
	DNSReady       Moment = "CoreDNS Ready"   // both replicas are Ready
	ServiceAnswers Moment = "Service answers" // a DNS query is answered through kube-dns's ClusterIP
	Complete       Moment = "complete"        // the nodes and CoreDNS Ready, and the Service answers
	Returned       Moment = "commands ended"  // what the user typed has come back; not seen by a Watcher
)

// Moments lists them in that order.
func Moments() []Moment {
	return []Moment{Written, APILive, NodeRegistered, NodeReady, DNSCreated, DNSRunning, DNSReady, ServiceAnswers, Complete, Returned}
}

// Timeline says how long after the start each moment was first seen.
type Timeline map[Moment]time.Duration

// pace is how often each question is asked. Both sides are asked alike, so
// what asking costs weighs on both.
const pace = 50 * time.Millisecond

// Target is the cluster to look at. All fields are needed.
type Target struct {
	// Kubeconfig is an administrator's, which may not be there yet. It must be
	// one whose rights depend on no binding, such as super-admin.conf, or a
	// moment is seen only when the binding is there.
	Kubeconfig string
	// Nodes is how many nodes there are to be; they count as registered, and as
	// Ready, when all are.
	Nodes int
	// DNS is the ClusterIP of kube-dns; Name is a Service that it knows, with
	// its domain and the last dot.
	DNS, Name string
}

// Watcher watches one cluster. Make it with Start.
type Watcher struct {
	target Target
	start  time.Time
	stop   context.CancelFunc
	ended  sync.WaitGroup

	mu       sync.Mutex
	seen     Timeline
	said     string
	complete chan struct{}
}

// Start begins to watch; times count from start.
func Start(ctx context.Context, start time.Time, target Target) *Watcher {
	ctx, stop := context.WithCancel(ctx)
	w := &Watcher{target: target, start: start, stop: stop, seen: Timeline{}, complete: make(chan struct{})}
	w.ended.Go(func() { w.watchAPI(ctx) })
	w.ended.Go(func() { w.watchService(ctx) })
	return w
}

// Wait returns once everything was seen, or with an error that says what was
// not when ctx ends. It ends the watching.
func (w *Watcher) Wait(ctx context.Context) (Timeline, error) {
	defer w.ended.Wait()
	defer w.stop()
	select {
	case <-w.complete:
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.seen, nil
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var missing []string
	for _, m := range Moments() {
		if m == Returned {
			continue
		}
		if _, ok := w.seen[m]; !ok {
			missing = append(missing, string(m))
		}
	}
	return w.seen, fmt.Errorf("not seen after %s: %s; the API last said: %s: %w",
		time.Since(w.start).Round(time.Second), strings.Join(missing, ", "), w.said, ctx.Err())
}

// see writes down a moment, the first time only.
func (w *Watcher) see(m Moment) {
	now := time.Since(w.start)
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.seen[m]; known {
		return
	}
	w.seen[m] = now
	_, ready := w.seen[DNSReady]
	_, answers := w.seen[ServiceAnswers]
	_, nodes := w.seen[NodeReady]
	if _, done := w.seen[Complete]; ready && answers && nodes && !done {
		w.seen[Complete] = now
		close(w.complete)
	}
}

func (w *Watcher) has(m ...Moment) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !slices.ContainsFunc(m, func(m Moment) bool { _, ok := w.seen[m]; return !ok })
}

func (w *Watcher) say(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = err.Error()
}
