package e2e

import (
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"keelway.dev/keelway/internal/report"
)

// campaign counts what was done to a fleet, and during what.
type campaign struct {
	fleet
	did     map[string]map[string]int
	round   int
	witness *witness
}

func (c *campaign) total() int {
	n := 0
	for _, kinds := range c.did {
		for _, times := range kinds {
			n += times
		}
	}
	return n
}

func (c *campaign) say(format string, args ...any) {
	c.t.Logf("%s %3d %s", time.Now().Format(time.TimeOnly), c.total(), fmt.Sprintf(format, args...))
}

// tell says what was done, also when the test has ended before its end.
func (c *campaign) tell() {
	for operation, kinds := range c.did {
		for kind, times := range kinds {
			c.t.Logf("%s: %s: %d times", operation, kind, times)
		}
	}
	c.t.Logf("%d injections in %d rounds", c.total(), c.round)
}

// walk runs a command again and again, disturbs it at a step's beginning or end
// where no run has been before, at one of every so many, and ends when a run
// comes through undisturbed. A run that was disturbed is interrupted once it is
// seen how its host went on, so that the next run has something to be disturbed
// at: that each run is one more apply after what happened before it is the test.
func (c *campaign) walk(operation string, every uint32, args []string) {
	c.t.Helper()
	if c.did[operation] == nil {
		c.did[operation] = map[string]int{}
	}
	seen, failed := map[string]bool{}, 0
	for range 100 {
		if c.witness == nil {
			c.witness = c.watch()
		}
		var kind injection
		var at, after string
		var heal, interrupt func()
		began := time.Now()
		out, code := c.stream(args, func(e report.Event, tool *os.Process) {
			if e.Host == "" || e.Step == "" || e.Kind == report.Wait || e.Kind == report.Note || e.Kind == report.Warning {
				return
			}
			if at != "" {
				if after == "" && strings.HasPrefix(at, e.Host+" ") {
					after = string(e.Kind) + " " + e.Step + " " + e.Detail
					interrupt()
				}
				return
			}
			key := e.Host + " " + e.Step + " " + string(e.Kind)
			if e.Kind == report.Failed || seen[key] || c.round > 0 && c.total() >= injectionsWanted || !sampled(operation+" "+key, every, c.round) {
				return
			}
			seen[key], at = true, key
			kind = c.choose(operation, e.Host)
			c.did[operation][kind.name]++
			if c.witness != nil && kind.power {
				c.witness.powerless.Store(true)
			}
			interrupt = sync.OnceFunc(func() { _ = tool.Signal(os.Interrupt) }) // it may have ended
			heal = kind.do(c.fleet, e.Host, tool)
			time.AfterFunc(20*time.Second, interrupt)
		})
		if at == "" {
			if code != 0 {
				c.t.Errorf("%s %s: undisturbed, exit code %d\n%s", time.Now().Format(time.TimeOnly), operation, code, out)
				if failed++; failed == 3 {
					c.t.FailNow()
				}
				continue
			}
			c.say("%s: undisturbed in %s", operation, time.Since(began).Round(time.Second))
			return
		}
		ran := time.Since(began)
		if heal != nil {
			heal()
		}
		if c.witness != nil && kind.power {
			c.witness.powered()
		}
		after, _, _ = strings.Cut(after, "\n")
		c.say("%s: %s at %s; the run: %q, exit code %d in %s, whole again in %s", operation, kind.name, at, after, code, ran.Round(time.Second), (time.Since(began) - ran).Round(time.Second))
	}
	c.t.Fatalf("%s does not come to an end", operation)
}

// choose takes what can be done to a host and was done least during an operation.
func (c *campaign) choose(operation, host string) injection {
	could := slices.DeleteFunc(slices.Clone(injections), func(i injection) bool { return i.only != "" && i.only != host })
	return slices.MinFunc(could, func(a, b injection) int {
		return c.did[operation][a.name]*a.cost - c.did[operation][b.name]*b.cost
	})
}

// sampled takes one key of so many, others in each round.
func sampled(key string, every uint32, round int) bool {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(key)) // a hash takes everything
	return sum.Sum32()%every == uint32(round)%every
}
