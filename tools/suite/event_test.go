package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// stream writes events the way go test -json does: "action test [output]".
func stream(lines ...string) string {
	var b strings.Builder
	for _, line := range lines {
		action, rest, _ := strings.Cut(line, " ")
		test, output, _ := strings.Cut(rest, " ")
		fmt.Fprintf(&b, `{"Action":%q,"Package":"p","Test":%q,"Output":%q}`+"\n", action, strings.TrimPrefix(test, "-"), output+"\n")
	}
	return b.String()
}

func TestReader(t *testing.T) {
	for name, c := range map[string]struct {
		in              string
		passed          int
		failed, skipped []result
		says            string
	}{
		"only leaves count": {
			in:     stream("start -", "run A", "run A/x", "run A/y", "pass A/x", "pass A/y", "pass A", "run B", "pass B", "pass -"),
			passed: 3,
		},
		"a failure counts once, and its output is printed": {
			in: stream("start -", "run A", "run A/x", "output A/x a_test.go:1: broken", "fail A/x", "run A/y", "pass A/y", "fail A", "fail -"), passed: 1,
			failed: []result{{"p.A/x", ""}}, says: "broken",
		},
		"a parent that fails by itself counts": {
			in: stream("start -", "run A", "run A/x", "pass A/x", "fail A", "fail -"), passed: 1,
			failed: []result{{"p.A", ""}},
		},
		"a skip has its reason": {
			in:      stream("start -", "run A", "output A === RUN   A", "output A     a_test.go:7: needs root", "output A --- SKIP: A (0.00s)", "skip A", "pass -"),
			skipped: []result{{"p.A", "needs root"}},
		},
		"a skip without a reason is a failure": {
			in:     stream("start -", "run A", "output A --- SKIP: A (0.00s)", "skip A", "pass -"),
			failed: []result{{"p.A", "skipped without a reason"}},
		},
		"a package that does not compile is a failure": {
			in:     stream("build-output - a.go:1: undefined", "start -", "fail -"),
			failed: []result{{"p", "no test failed, the package did"}}, says: "undefined",
		},
		"a test that does not end has failed": {
			in:     stream("start -", "run A", "output A panic: test timed out", "fail -"),
			failed: []result{{"p.A", "did not end"}}, says: "timed out",
		},
		"what a test that passes says is printed": {
			in:     stream("start -", "run A", "output A a_test.go:1: 7 compared", "pass A", "pass -"),
			passed: 1, says: "said A: 7 compared",
		},
		"a package without tests counts nothing": {in: stream("start -", "skip -")},
		"other lines are passed on":              {in: "go: downloading x\n", says: "go: downloading x"},
	} {
		t.Run(name, func(t *testing.T) {
			var got tally
			var out bytes.Buffer
			r := reader{out: &out, each: true, tally: &got, open: map[string]*test{}}
			r.read(strings.NewReader(c.in))
			if got.passed != c.passed || !slices.Equal(got.failed, c.failed) || !slices.Equal(got.skipped, c.skipped) {
				t.Errorf("counted %d passed, failed %v, skipped %v; want %d, %v, %v", got.passed, got.failed, got.skipped, c.passed, c.failed, c.skipped)
			}
			if !strings.Contains(out.String(), c.says) {
				t.Errorf("printed %q, without %q", out.String(), c.says)
			}
		})
	}
}

// TestStep runs real programs: their exit codes, and a run of go test that runs nothing.
func TestStep(t *testing.T) {
	for name, c := range map[string]struct {
		step step
		line string
	}{
		"passes":          {step{name: "s", argv: []string{"true"}}, "1 passed, 0 failed, 0 skipped"},
		"fails":           {step{name: "s", argv: []string{"false"}}, "0 passed, 1 failed, 0 skipped"},
		"is not there":    {step{name: "s", argv: []string{"/nowhere"}}, "0 passed, 1 failed, 0 skipped"},
		"runs no test":    {step{name: "s", argv: []string{"true"}, tests: true}, "0 passed, 1 failed, 0 skipped"},
		"fails silently":  {step{name: "s", argv: []string{"false"}, tests: true}, "0 passed, 1 failed, 0 skipped"},
		"has environment": {step{name: "s", argv: []string{"sh", "-c", `test "$X" = "$PWD/x"`}, env: []string{"X={root}/x"}}, "1 passed, 0 failed, 0 skipped"},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.step.run(t.Context(), t.TempDir(), &bytes.Buffer{})
			if got.line() != c.line {
				t.Errorf("counted %s %v, want %s", got.line(), got.failed, c.line)
			}
		})
	}
}

func TestNothingIsNotGood(t *testing.T) {
	var none tally
	if none.good() {
		t.Error("a run without tests is good")
	}
}
