package main

import (
	"fmt"
	"io"
)

// result is a test that did not pass, and why.
type result struct{ name, reason string }

// tally counts tests.
type tally struct {
	passed          int
	failed, skipped []result
}

func (t *tally) fail(name, reason string) { t.failed = append(t.failed, result{name, reason}) }
func (t *tally) skip(name, reason string) { t.skipped = append(t.skipped, result{name, reason}) }

func (t *tally) add(o tally) {
	t.passed += o.passed
	t.failed = append(t.failed, o.failed...)
	t.skipped = append(t.skipped, o.skipped...)
}

// good tells whether something ran and nothing failed.
func (t *tally) good() bool { return t.passed > 0 && len(t.failed) == 0 }

func (t *tally) line() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", t.passed, len(t.failed), len(t.skipped))
}

// summary names every test that did not pass; its output stands further up.
func (t *tally) summary(out io.Writer) {
	print := func(word string, list []result) {
		for _, r := range list {
			fmt.Fprintf(out, "%s %s", word, r.name)
			if r.reason != "" {
				fmt.Fprintf(out, ": %s", r.reason)
			}
			fmt.Fprintln(out)
		}
	}
	print("skipped", t.skipped)
	print("failed", t.failed)
}
