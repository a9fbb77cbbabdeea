package report

import (
	"strings"
	"testing"
	"time"
)

func plainScene(t *testing.T, opts Options) *scene {
	s := newScene(t)
	opts.Now = s.now
	s.sink = NewPlain(&s.out, opts)
	return s
}

func TestPlain(t *testing.T) {
	s := plainScene(t, Options{})
	s.emit(start, containerd, api,
		Event{Kind: Warning, Host: "node-1", What: "cgroup v1 is deprecated"},
		Event{Kind: Note, Host: "node-2", What: "VXLAN", Detail: "UDP 8472\nmust pass"})
	s.at(0.31).emit(as(containerd, Done, 0.31, ""))
	s.at(4).emit(as(api, Wait, 4, "connection refused")) // too early to bother
	s.at(5).emit(as(api, Wait, 5, rbac))
	s.at(6).emit(as(api, Wait, 6, "connection refused"))
	s.at(10).emit(as(api, Wait, 10, rbac)) // no news
	s.at(11).emit(as(api, Wait, 11, "connection refused"))
	s.at(40).emit(as(api, Wait, 40, "connection refused"))
	s.at(41).emit(as(api, Wait, 41, "connection refused")) // time goes on
	s.at(72).emit(as(api, Failed, 72, "no answer\n\n  last line\n"))
	s.emit(Event{Kind: Failed, What: "no cluster", Seconds: 72.2, Detail: "no answer\n\n  last line\n"})
	s.want(`start             keelway up · Kubernetes v1.37.0 · node-1
warning           cgroup v1 is deprecated
note              node-2: VXLAN
    UDP 8472
    must pass
done       0.31s  runtime             install containerd 2.4.2
wait       5.00s  wait-control-plane  wait until the API server is ready: [-]poststarthook/rbac/bootstrap-roles failed: reason withheld
wait       11.0s  wait-control-plane  wait until the API server is ready: connection refused
wait       41.0s  wait-control-plane  wait until the API server is ready: connection refused
failed     1m12s  wait-control-plane  wait until the API server is ready
    no answer

      last line
failed     1m12s  no cluster: 1 step
`)
}

func TestPlainVerboseAndDone(t *testing.T) {
	s := plainScene(t, Options{Verbose: 1})
	s.emit(Event{Kind: Start, What: "keelway apply"}, containerd, as(containerd, Done, 0.2, "unpacked"),
		Event{Kind: Done, What: "as desired", Seconds: 0.4, Detail: "next:\n  keelway status"})
	s.want(`start             keelway apply
done       0.20s  runtime             node-1  install containerd 2.4.2: unpacked
    because /usr/local/bin/containerd is missing
    /usr/local/bin/containerd
done       0.40s  as desired: 1 step
    next:
      keelway status
`)
}

// TestEveryAnswer: from level 2 on each new answer has a line, and the same one
// again has none.
func TestEveryAnswer(t *testing.T) {
	wait := func(s *scene) {
		s.emit(start, api)
		for i, answer := range []string{"connection refused", "connection refused", rbac, "connection refused"} {
			s.at(float64(i+1) / 10).emit(as(api, Wait, float64(i+1)/10, answer))
		}
	}
	s := plainScene(t, Options{Verbose: 2})
	wait(s)
	s.want(`start             keelway up · Kubernetes v1.37.0 · node-1
wait       0.10s  wait-control-plane  wait until the API server is ready: connection refused
wait       0.30s  wait-control-plane  wait until the API server is ready: [-]poststarthook/rbac/bootstrap-roles failed: reason withheld
wait       0.40s  wait-control-plane  wait until the API server is ready: connection refused
`)
	s, term := terminalScene(t, 60, Options{NoColor: true, Verbose: 2})
	wait(s)
	term.Close()
	// Each stands once on a line of its own, and once on the live line below.
	if n := strings.Count(s.out.String(), "s  wait until the API server is ready: "); n != 2*3 {
		t.Errorf("%d times in finished and live lines, for three answers:\n%s", n, s.out.String())
	}
}

func TestPlainConcurrent(t *testing.T) {
	var out lockedBuilder
	s := NewPlain(&out, Options{})
	concurrent(s, 40, 25)
	if n := strings.Count(out.String(), "done       1.00s  certs               issue\n"); n != 1000 {
		t.Errorf("%d whole lines for 1000 steps", n)
	}
}

func TestJSON(t *testing.T) {
	s := newScene(t)
	s.sink = newJSON(&s.out, s.now)
	zone := time.FixedZone("CET", 3600)
	s.sink.Emit(Event{Kind: Start, Host: "node-1", What: "keelway up <>&"})
	s.sink.Emit(Event{Time: epoch.Add(1234 * time.Millisecond).In(zone), Kind: Done, Host: "node-1", Phase: "certs", Step: "certs/ca",
		What: "issue", Reason: "missing", Detail: "two\nlines", Seconds: 0.12345, Files: []string{"/etc/kubernetes/pki/ca.crt"}, Number: 3, Total: 41})
	s.want(`{"time":"2026-01-02T03:04:05Z","event":"start","host":"node-1","what":"keelway up <>&"}
{"time":"2026-01-02T03:04:06.234Z","event":"done","host":"node-1","phase":"certs","step":"certs/ca","what":"issue","reason":"missing","detail":"two\nlines","seconds":0.123,"files":["/etc/kubernetes/pki/ca.crt"],"number":3,"total":41}
`)
}

func TestJSONConcurrent(t *testing.T) {
	var out lockedBuilder
	concurrent(NewJSON(&out), 20, 25)
	if n := strings.Count(out.String(), "\n"); n != 1500 {
		t.Errorf("%d lines for 1500 events", n)
	}
}
