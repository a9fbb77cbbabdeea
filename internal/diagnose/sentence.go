package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"keelway.dev/keelway/internal/diagnose/container"
	"keelway.dev/keelway/internal/diagnose/evidence"
	"keelway.dev/keelway/internal/diagnose/state"
	"keelway.dev/keelway/internal/report"
	"keelway.dev/keelway/internal/report/text"
)

// sentence says how a component is, without a full stop.
func sentence(c evidence.Component, now time.Time) string {
	switch {
	case c.Health == state.Absent:
		return c.Name + " is not installed: " + c.Answer
	case c.Service != nil:
		return serviceSentence(c, now)
	case len(c.Containers) == 0:
		if c.Workload == "" {
			return c.Name + " has no container yet"
		}
		return c.Name + " has no container here: " + c.Answer
	case !c.Running:
		return containerSentence(c)
	}
	words := c.Name + " runs"
	if k := c.Containers[0]; !k.Started.IsZero() {
		words += " since " + since(now, k.Started)
	}
	if c.Restarts > 0 {
		words += fmt.Sprintf(" (started again %s)", times(c.Restarts))
	}
	return words + answers(c)
}

func answers(c evidence.Component) string {
	switch {
	case c.Health == state.Healthy && c.Answer == "":
		return " and is healthy"
	case c.Answer == "":
		return ", and nobody can say whether it is healthy"
	}
	return "; its health: " + text.OneLine(c.Answer)
}

func serviceSentence(c evidence.Component, now time.Time) string {
	s := c.Service
	if s.Running {
		words := c.Name + " runs"
		if !s.Since.IsZero() {
			words += " since " + since(now, s.Since)
		}
		if s.Restarts > 0 {
			words += fmt.Sprintf(" (started again %s)", times(s.Restarts))
		}
		return words + answers(c)
	}
	words := c.Name + " does not run"
	switch {
	case s.Exit != "":
		words += ": " + s.Exit
	case s.Restarts == 0:
		return words + ": nobody has started it"
	}
	if s.Restarts > 0 {
		words += fmt.Sprintf(", after it was started again %s", times(s.Restarts))
	}
	return words
}

func containerSentence(c evidence.Component) string {
	k := c.Containers[0]
	if k.State != container.Exited {
		return c.Name + " does not run: its container is in state " + string(k.State)
	}
	words := fmt.Sprintf("%s exited %d", c.Name, k.ExitCode)
	if k.Reason != "" && k.Reason != "Error" && k.Reason != "Completed" {
		words += " (" + k.Reason + ")"
	}
	if k.Attempt > 0 {
		words += " " + times(k.Attempt+1)
	}
	if !c.Begun.IsZero() && k.End.After(c.Begun) {
		words += " in " + report.Duration(k.End.Sub(c.Begun))
	}
	return words
}

// since says how long ago that was; clocks are read in turn, so it may seem to
// lie ahead.
func since(now, then time.Time) string { return report.Duration(max(0, now.Sub(then))) }

func times(n int) string {
	few := []string{"never", "once", "twice", "three times", "four times", "five times", "six times", "seven times", "eight times", "nine times", "ten times"}
	if n < len(few) {
		return few[n]
	}
	return fmt.Sprintf("%d times", n)
}

// lastWords picks, of what a component said, the few lines that tell most: the
// last of its errors, or its last lines when it made none. A line that only
// repeats another with other figures is left out.
func lastWords(said []evidence.Line) []string {
	const most, width, recent = 3, 400, 120
	said = said[max(0, len(said)-recent):]
	loudest, dull := evidence.Info, noise()
	for _, l := range said {
		if !dull.MatchString(l.Text) {
			loudest = max(loudest, l.Level)
		}
	}
	least := min(loudest, evidence.Error)
	figures := regexp.MustCompile(`[0-9a-f]*[0-9][0-9a-f]*`)
	seen := map[string]bool{}
	var words []string
	for _, l := range slices.Backward(said) {
		shape := figures.ReplaceAllString(l.Text, "0")
		if l.Level < least || l.Text == "" || seen[shape] || dull.MatchString(l.Text) {
			continue
		}
		seen[shape] = true
		words = append(words, text.Cut(l.Text, width, "…"))
		if len(words) == most {
			break
		}
	}
	slices.Reverse(words)
	return words
}

// noise fits lines that say nothing about why: stack traces and usage.
func noise() *regexp.Regexp {
	return regexp.MustCompile(`^goroutine \d|\.go:\d+ \+0x|^\S+\.\S+\(.*\)$|^created by |^To see the stack trace|^(?:Flags|Usage):`)
}
