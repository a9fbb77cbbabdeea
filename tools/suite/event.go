package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// event is one line of go test -json (go doc test2json).
type event struct {
	Action, Package, Test, Output string
	ImportPath                    string
	Elapsed                       float64
}

// test is one that has begun: a test, or with an empty name a package.
type test struct {
	output   []string
	children int
	bad      bool // it or a test in it has failed
}

// reader counts the tests of a stream of events and prints what matters.
type reader struct {
	out   io.Writer
	each  bool
	tally *tally
	open  map[string]*test
	build []string // what the compiler says
}

func (r *reader) read(in io.Reader) {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		switch {
		case len(line) == 0:
		case json.Unmarshal(line, &e) != nil:
			_, _ = r.out.Write(line)
		default:
			r.handle(e)
		}
		if err != nil {
			return
		}
	}
}

func (r *reader) handle(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		r.build = append(r.build, e.Output)
	case "start", "run":
		r.open[key] = &test{}
		if parent := r.parent(e); parent != nil {
			parent.children++
		}
		if r.each && e.Test != "" {
			fmt.Fprintf(r.out, "   run  %s\n", e.Test)
		}
	case "output":
		if t := r.open[key]; t != nil {
			t.output = append(t.output, e.Output)
		}
	case "pass", "fail", "skip":
		if t := r.open[key]; t != nil {
			delete(r.open, key)
			r.end(e, t)
		}
	}
}

// end counts a test; one that only holds others is counted if it failed by itself.
func (r *reader) end(e event, t *test) {
	if e.Test == "" {
		r.endPackage(e, t)
		return
	}
	name := e.Package + "." + e.Test
	if parent := r.parent(e); parent != nil && e.Action == "fail" {
		parent.bad = true
	}
	counts := t.children == 0
	switch e.Action {
	case "pass":
		if counts {
			r.tally.passed++
		}
	case "skip":
		if reason := said(t.output); reason != "" {
			r.tally.skip(name, reason)
		} else {
			r.tally.fail(name, "skipped without a reason")
		}
	case "fail":
		if t.bad && said(t.output) == "" {
			return // the test in it was printed
		}
		if !t.bad {
			r.tally.fail(name, "")
		}
		fmt.Fprintf(r.out, "FAIL %s (%.1f s)\n%s", name, e.Elapsed, strings.Join(t.output, ""))
		return
	}
	if r.each && counts {
		fmt.Fprintf(r.out, "   %s %s (%.1f s)\n", e.Action, e.Test, e.Elapsed)
	}
	if words := said(t.output); r.each && e.Action == "pass" && words != "" {
		fmt.Fprintf(r.out, "   said %s: %s\n", e.Test, words)
	}
}

// endPackage prints a line for a package. One that fails with no failed test
// did not compile, panicked or ran out of time: its open tests have failed.
func (r *reader) endPackage(e event, t *test) {
	if e.Action == "fail" {
		var unfinished []string
		for key, o := range r.open {
			if name, ok := strings.CutPrefix(key, e.Package+" "); ok {
				unfinished = append(unfinished, name)
				fmt.Fprintf(r.out, "FAIL %s.%s did not end\n%s", e.Package, name, strings.Join(o.output, ""))
				delete(r.open, key)
			}
		}
		slices.Sort(unfinished)
		for _, name := range unfinished {
			r.tally.fail(e.Package+"."+name, "did not end")
		}
		if len(unfinished) == 0 && !t.bad {
			r.tally.fail(e.Package, "no test failed, the package did")
		}
		fmt.Fprintf(r.out, "FAIL %s (%.1f s)\n%s%s", e.Package, e.Elapsed, strings.Join(r.build, ""), strings.Join(t.output, ""))
		r.build = nil
		return
	}
	if e.Action == "pass" {
		fmt.Fprintf(r.out, "ok   %s (%.1f s)\n", e.Package, e.Elapsed)
	}
}

// parent returns the test or the package that the event's test is in.
func (r *reader) parent(e event) *test {
	if e.Test == "" {
		return nil
	}
	name := ""
	if i := strings.LastIndexByte(e.Test, '/'); i >= 0 {
		name = e.Test[:i]
	}
	return r.open[e.Package+" "+name]
}

var place = regexp.MustCompile(`^\s*[\w.-]+\.go:\d+: `)

// said returns what a test printed, without go's own lines.
func said(output []string) string {
	var words []string
	for _, line := range strings.Split(strings.Join(output, ""), "\n") {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || strings.HasPrefix(trimmed, "=== ") || strings.HasPrefix(trimmed, "--- ") {
			continue
		}
		words = append(words, strings.TrimSpace(place.ReplaceAllString(line, "")))
	}
	return strings.Join(words, " ")
}
