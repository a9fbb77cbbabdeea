package main

import (
	"encoding/json"
	"fmt"
	"os"

	"keelway.dev/keelway/bench/memory"
	"keelway.dev/keelway/bench/sample"
	"keelway.dev/keelway/bench/watch"
)

// figure is what one thing came to, on both sides.
type figure struct {
	name, unit      string
	ours, reference sample.Sample
	targets         []target
}

// target is a bound on our own figure, or on the ratio to the reference's.
type target struct {
	of    string
	value float64
}

func ratio(atMost float64) target { return target{"ratio", atMost} }
func own(atMost float64) target   { return target{"ours", atMost} }

// result is one line of the JSON file: the medians, the median of the pairs'
// ratios, and one bound. A figure with two bounds is two lines; one without has
// no target.
type result struct {
	Name      string  `json:"name"`
	Unit      string  `json:"unit"`
	Ours      float64 `json:"ours"`
	Reference float64 `json:"reference"`
	Ratio     float64 `json:"ratio"`
	Target    float64 `json:"target"`
	// TargetOf says what Target bounds: "ratio" or "ours".
	TargetOf string `json:"targetOf,omitempty"`
	Met      bool   `json:"met"`
	// Runs are all measurements, in the order in which they were made.
	OursRuns      []float64 `json:"oursRuns"`
	ReferenceRuns []float64 `json:"referenceRuns"`
}

func (f figure) results() []result {
	r := result{
		Name: f.name, Unit: f.unit, Ours: f.ours.Median(), Reference: f.reference.Median(),
		Ratio: f.ours.Ratio(f.reference), Met: true, OursRuns: f.ours, ReferenceRuns: f.reference,
	}
	if len(f.targets) == 0 {
		return []result{r}
	}
	var list []result
	for _, t := range f.targets {
		r.Target, r.TargetOf = t.value, t.of
		r.Met = r.Ratio <= t.value
		if t.of == "ours" {
			r.Met = r.Ours <= t.value
		}
		list = append(list, r)
	}
	return list
}

// all are the figures of everything that was measured; what was not is left out.
func (b *bench) all() []figure {
	clusters := []figure{
		b.moment("images present, until CoreDNS is Ready and a Service answers", "present", watch.Complete, ratio(0.5)),
		b.moment("images present, until the node is Ready", "present", watch.NodeReady, ratio(0.8)),
		b.moment("bare machine, until CoreDNS is Ready and a Service answers", "bare", watch.Complete, own(20), ratio(0.5)),
		b.moment("3 control planes and 2 workers, images present, until all nodes are Ready and DNS answers", "fleet-present", watch.Complete, ratio(0.5)),
		b.moment("3 control planes and 2 workers, bare machines, until all nodes are Ready and DNS answers", "fleet-bare", watch.Complete, ratio(0.5)),
		b.memory("memory of the idle cluster", ratio(0.8)),
		b.signing(fmt.Sprintf("signing the certificates of %d joining nodes", wave), own(15)),
	}
	var list []figure
	for _, f := range append(clusters, b.figures...) {
		if len(f.ours) > 0 {
			list = append(list, f)
		}
	}
	return list
}

func (b *bench) results() []result {
	var list []result
	for _, f := range b.all() {
		list = append(list, f.results()...)
	}
	return list
}

// moment is the figure of one moment of a scenario's timelines, in seconds.
func (b *bench) moment(name, scenario string, m watch.Moment, targets ...target) figure {
	return figure{
		name: name, unit: "s", targets: targets,
		ours: b.times(scenario, itself, m), reference: b.times(scenario, theReference, m),
	}
}

func (b *bench) times(scenario string, who side, m watch.Moment) sample.Sample {
	var s sample.Sample
	for _, t := range b.timelines {
		if at, seen := t.seen[m]; seen && t.scenario == scenario && t.side == who {
			s = append(s, at.Seconds())
		}
	}
	return s
}

// memory is the figure of the idle clusters' sums, in MB of 2^20 bytes.
func (b *bench) memory(name string, targets ...target) figure {
	f := figure{name: name, unit: "MB", targets: targets}
	for _, u := range b.usage {
		mb := float64(memory.Total(u.programs)) / (1 << 20)
		if u.side == itself {
			f.ours = append(f.ours, mb)
		} else {
			f.reference = append(f.reference, mb)
		}
	}
	return f
}

// signing is the figure of the waves of certificates, in seconds.
func (b *bench) signing(name string, targets ...target) figure {
	f := figure{name: name, unit: "s", targets: targets}
	for _, s := range b.signings {
		if s.side == itself {
			f.ours = append(f.ours, s.took.Seconds())
		} else {
			f.reference = append(f.reference, s.took.Seconds())
		}
	}
	return f
}

func writeJSON(path string, results []result) error {
	data, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}
