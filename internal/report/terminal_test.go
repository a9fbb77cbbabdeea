package report

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"keelway.dev/keelway/internal/report/text"
)

func terminalScene(t *testing.T, columns int, opts Options) (*scene, *Terminal) {
	s := newScene(t)
	opts.Now, opts.Width = s.now, func() int { return columns }
	term := newTerminal(&s.out, opts)
	s.sink = term
	return s, term
}

// live is the bytes that draw a live line.
func live(text string) string { return "\r\x1b[?7l" + text + "\x1b[K\x1b[?7h\r" }

func TestTerminalInterleaved(t *testing.T) {
	s, term := terminalScene(t, 80, Options{NoColor: true})
	s.emit(start)
	s.want("keelway up · Kubernetes v1.37.0 · node-1\n")
	s.at(1).emit(containerd, images)
	s.want("") // a step that ends before the next redraw never flickers
	s.at(1.1)
	term.redraw()
	s.want(live("⠙ 0/3  0.1s  install containerd 2.4.2  +import 9 images"))
	s.at(1.31).emit(as(containerd, Done, 0.31, ""))
	s.want("\r\x1b[K" +
		"  runtime             install containerd 2.4.2                            0.31s\n" +
		live("⠙ 1/3  0.3s  import 9 images"))
	s.emit(api)
	s.at(4).emit(as(api, Wait, 2.69, rbac))
	term.redraw()
	s.want(live("⠹ 1/3  2.7s  wait until the API server is ready: [-]poststarthook/rbac/boo…  +1"))
	s.at(5).emit(as(images, Done, 4, "no layer was there"))
	s.want("\r\x1b[K" +
		"                      import 9 images · no layer was there                4.00s\n" +
		live("⠹ 2/3  3.7s  wait until the API server is ready: [-]poststarthook/rbac/bootstr…"))
	s.at(12).emit(as(api, Done, 0, "")) // its time is what the clock says
	s.want("\r\x1b[K" +
		"  wait-control-plane  wait until the API server is ready                  10.7s\n")
	term.redraw()
	s.want("")
	s.at(12.5).emit(Event{Kind: Done, What: "cluster ready", Seconds: 12.5, Detail: "Next:\n  keelway kubectl get nodes\n"})
	s.want("✓ cluster ready in 12.5s: 3 steps\n\n  Next:\n    keelway kubectl get nodes\n")
	term.Close()
	term.Close()
	s.want("")
}

func TestTerminalFailure(t *testing.T) {
	s, term := terminalScene(t, 80, Options{NoColor: true})
	s.emit(start, api)
	term.redraw()
	s.want("keelway up · Kubernetes v1.37.0 · node-1\n" + live("⠙ 0/3  0.0s  wait until the API server is ready"))
	diagnosis := "kube-apiserver exits with 1 and is started again, 4 times so far\n\n" +
		"  last lines: \x1b[31mpanic\x1b[0m: listen tcp 0.0.0.0:6443: bind: address already in use, and this line is long\r\n" +
		"next: ss -ltnp 'sport = :6443'\n\n"
	s.at(240).emit(as(api, Failed, 240, diagnosis), Event{Kind: Failed, What: "no cluster", Seconds: 241, Detail: diagnosis})
	s.want("\r\x1b[K" +
		"✗ wait-control-plane  wait until the API server is ready                  4m00s\n" +
		"    kube-apiserver exits with 1 and is started again, 4 times so far\n" +
		"\n" +
		"      last lines: panic: listen tcp 0.0.0.0:6443: bind: address already in use, and this line is long\n" +
		"    next: ss -ltnp 'sport = :6443'\n" +
		"✗ no cluster after 4m01s\n")
	s.emit(Event{Kind: Failed, Seconds: 1, Detail: "something else"})
	s.want("✗ failed after 1.00s\n    something else\n")
}

// A failed step names its phase even where the line above has the same.
func TestTerminalFailurePhase(t *testing.T) {
	s, _ := terminalScene(t, 80, Options{NoColor: true})
	s.emit(start, containerd, images, as(containerd, Done, 1, ""), as(images, Failed, 2, "no space left"))
	s.want("keelway up · Kubernetes v1.37.0 · node-1\n" +
		"  runtime             install containerd 2.4.2                            1.00s\n" +
		live("⠋ 1/3  0.0s  import 9 images") +
		"\r\x1b[K✗ runtime             import 9 images                                     2.00s\n    no space left\n")
}

func TestTerminalColor(t *testing.T) {
	s, term := terminalScene(t, 80, Options{})
	s.emit(start)
	s.want("\x1b[1mkeelway up · Kubernetes v1.37.0 · node-1\x1b[0m\n")
	s.emit(api)
	s.at(2).emit(as(api, Wait, 2, "connection refused"))
	term.redraw()
	s.want(live("\x1b[36m⠙ \x1b[0m\x1b[2m0/3 \x1b[0m 2.0s  \x1b[1mwait until the API server is ready\x1b[0m\x1b[2m: connection refused\x1b[0m"))
	s.emit(as(api, Done, 2, ""), Event{Kind: Warning, What: "cgroup v1 is deprecated"}, Event{Kind: Done, What: "ready", Seconds: 2})
	s.want("\r\x1b[K" +
		"  \x1b[36mwait-control-plane  \x1b[0mwait until the API server is ready                  \x1b[2m2.00s\x1b[0m\n" +
		"\x1b[1;33m! \x1b[0mcgroup v1 is deprecated\n" +
		"\x1b[1;32m✓ \x1b[0m\x1b[1mready\x1b[0m in 2.00s: 1 step\n")
}

func TestTerminalRemarks(t *testing.T) {
	s, term := terminalScene(t, 40, Options{NoColor: true, ASCII: true, Verbose: 1})
	s.emit(start, containerd)
	term.redraw()
	s.emit(
		Event{Kind: Warning, Host: "node-1", What: "the control-plane taint is lifted: this machine runs everything"},
		Event{Kind: Note, Host: "node-2", What: "VXLAN", Detail: "UDP 8472\nmust pass"},
		as(containerd, Done, 0.1, ""))
	term.Close()
	s.emit(Event{Kind: Note, What: "after the end"})
	s.want("keelway up · Kubernetes v1.37.0 · node~\n" +
		live("/ 0/3  0.0s  install containerd 2.4.2") +
		"\r\x1b[K! the control-plane taint is lifted:\n  this machine runs everything\n" +
		live("/ 0/3  0.0s  install containerd 2.4.2") +
		"\r\x1b[K- node-2: VXLAN\n    UDP 8472\n    must pass\n" +
		live("/ 0/3  0.0s  install containerd 2.4.2") +
		"\r\x1b[K  install containerd 2.4.2        0.10s\n" +
		"    because /usr/local/bin/containerd~\n" +
		"    /usr/local/bin/containerd\n" +
		"- after the end\n")
}

func TestTerminalClosedWhileRunning(t *testing.T) {
	s, term := terminalScene(t, 80, Options{NoColor: true})
	s.emit(start, containerd)
	s.out.Reset()
	term.redraw()
	s.want(live("⠙ 0/3  0.0s  install containerd 2.4.2"))
	term.Close()
	s.want("\r\x1b[K")
	term.redraw()
	s.want("")
	s.emit(as(containerd, Failed, 1, "context canceled"))
	s.want("✗ runtime             install containerd 2.4.2                            1.00s\n    context canceled\n")
}

func TestTerminalSecondRound(t *testing.T) {
	s, term := terminalScene(t, 80, Options{NoColor: true})
	s.emit(start, containerd, as(containerd, Done, 1, ""))
	s.out.Reset()
	again := api
	again.Total = 1
	s.emit(again)
	term.redraw()
	s.want(live("⠙ 0/1  0.0s  wait until the API server is ready"))
}

// Two hosts do the same: each line says where, and the operation's own host is not named.
func TestTerminalHosts(t *testing.T) {
	s, term := terminalScene(t, 80, Options{NoColor: true})
	other := containerd
	other.Host = "node-20"
	s.emit(Event{Kind: Start, What: "keelway apply"}, containerd, other)
	term.redraw()
	s.want("keelway apply\n" + live("⠙ 0/3  0.0s  node-1: install containerd 2.4.2  +1"))
	s.emit(as(other, Done, 2, ""), as(containerd, Done, 3, ""))
	s.want("\r\x1b[K" +
		"  runtime             node-20  install containerd 2.4.2                   2.00s\n" +
		live("⠙ 1/3  0.0s  node-1: install containerd 2.4.2") + "\r\x1b[K" +
		"                      node-1   install containerd 2.4.2                   3.00s\n")
}

// No line may be wider than the terminal, at any width, with any text.
func TestTerminalNeverWraps(t *testing.T) {
	texts := []string{"plain words", "日本語のとても長い説明がここに続きます", "e\u0301a\u0300 combining", "👩‍👩‍👧 ❤️ 🇨🇭", "tab\there", "\x1b]0;title\abad"}
	for columns := 1; columns <= 140; columns++ {
		s, term := terminalScene(t, columns, Options{NoColor: true})
		for i := range 20 {
			e := Event{Kind: Step, Host: texts[i%5][:1], Phase: "control-plane", Step: fmt.Sprint(i), Total: 20,
				What: strings.Repeat(texts[rand.IntN(len(texts))]+" ", 1+rand.IntN(6))}
			s.emit(e, as(e, Wait, float64(i), texts[rand.IntN(len(texts))]))
			term.redraw()
			if i%2 == 0 {
				s.emit(as(e, Done, 1, texts[i%len(texts)]))
			}
		}
		for _, l := range strings.FieldsFunc(s.out.String(), func(r rune) bool { return r == '\n' || r == '\r' }) {
			for _, code := range []string{marginOff, marginOn, erase} {
				l = strings.ReplaceAll(l, code, "")
			}
			if n := text.Columns(l); n > max(1, columns-1) {
				t.Fatalf("%d columns on a terminal of %d: %q", n, columns, l)
			}
			if strings.ContainsRune(l, '\x1b') {
				t.Fatalf("an escape sequence passed: %q", l)
			}
		}
	}
}

// Many goroutines emit while the ticker draws; run with -race. Every finished
// step must be written exactly once and whole.
func TestTerminalConcurrent(t *testing.T) {
	var out lockedBuilder
	term := NewTerminal(&out, Options{NoColor: true, Redraw: time.Millisecond})
	term.Emit(start)
	concurrent(term, 40, 25)
	term.Emit(Event{Kind: Done, What: "ready", Seconds: 1})
	term.Close()
	finished := 0
	for l := range strings.SplitSeq(out.String(), "\n") {
		if strings.HasSuffix(l, "1.00s") {
			finished++
		}
	}
	if finished != 1000 {
		t.Errorf("%d lines for 1000 steps", finished)
	}
	if !strings.HasSuffix(out.String(), "\n✓ ready in 1.00s: 1000 steps\n") {
		t.Errorf("the end is %q", out.String()[max(0, len(out.String())-80):])
	}
}

func concurrent(s Sink, goroutines, steps int) {
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range steps {
				e := Event{Time: time.Now(), Kind: Step, Phase: "certs", Step: fmt.Sprintf("certs/%d-%d", g, i), What: "issue", Total: goroutines * steps}
				s.Emit(e)
				s.Emit(as(e, Wait, 0.5, "not yet"))
				if i%5 == 0 {
					time.Sleep(time.Millisecond)
				}
				s.Emit(as(e, Done, 1, ""))
			}
		})
	}
	wg.Wait()
}

// lockedBuilder is only safe for concurrent use in its own methods; the sinks
// must not need more.
type lockedBuilder struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuilder) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuilder) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var _ io.Writer = (*lockedBuilder)(nil)
