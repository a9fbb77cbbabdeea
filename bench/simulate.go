package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"keelway.dev/keelway/bench/scale"
)

// The sizes of the simulated clusters; the last one has the targets.
func sizes() []int { return []int{50, 500, 5000} }

// simulate is this program as a process of its own that plans one cluster, so
// that its memory is nothing else's.
func simulate(out io.Writer, hosts int, made bool) error {
	r, err := scale.Measure(hosts, made, time.Now())
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

// plan measures how long a plan for simulated machines takes, and its memory.
func (b *bench) plan(ctx context.Context) error {
	for _, made := range []bool{false, true} {
		what := "bare hosts"
		if made {
			what = "hosts with nothing to do"
		}
		for _, hosts := range sizes() {
			took := figure{name: fmt.Sprintf("plan for %d simulated %s", hosts, what), unit: "s"}
			memory := figure{name: took.name + ", peak memory", unit: "MB"}
			if hosts == 5000 {
				took.targets, memory.targets = []target{own(2)}, []target{own(500)}
			}
			for range b.pairs {
				r, err := b.simulated(ctx, hosts, made)
				if err != nil {
					return err
				}
				took.ours = append(took.ours, r.Seconds)
				memory.ours = append(memory.ours, float64(r.Peak)/(1<<20))
			}
			b.say("  %d %s: %.2f s, %.0f MB", hosts, what, took.ours.Median(), memory.ours.Median())
			b.figures = append(b.figures, took, memory)
		}
	}
	return nil
}

func (b *bench) simulated(ctx context.Context, hosts int, made bool) (scale.Result, error) {
	var r scale.Result
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	var out bytes.Buffer
	c := exec.CommandContext(ctx, self, "-simulate", strconv.Itoa(hosts), "-made="+strconv.FormatBool(made))
	c.Stdout, c.Stderr = &out, b.log
	if err := c.Run(); err != nil {
		return r, fmt.Errorf("plan %d simulated hosts: %w", hosts, err)
	}
	return r, json.Unmarshal(out.Bytes(), &r)
}
