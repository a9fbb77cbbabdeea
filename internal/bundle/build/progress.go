package build

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// Stages turns the work that is done into a fraction and an estimate. Each
// stage weighs as many seconds as it took last time, or as was expected.
type Stages struct {
	report  func(Progress)
	file    string
	begun   time.Time
	order   []string
	seconds map[string]float64
	done    map[string]bool
	current Progress
	since   time.Time
	// share is how much of the current stage there is to do, from 0 to 1.
	share float64
}

// Stage is a part of a build.
type Stage struct {
	Name string
	// Seconds is the first estimate.
	Seconds float64
}

// NewStages begins a build of those stages. Measured times are kept in a file
// below cache.
func NewStages(report func(Progress), cache string, list []Stage) *Stages {
	p := &Stages{
		report: report, file: filepath.Join(cache, "seconds.json"), begun: time.Now(),
		seconds: map[string]float64{}, done: map[string]bool{},
	}
	if report == nil {
		p.report = func(Progress) {}
	}
	measured := p.measured()
	for _, stage := range list {
		p.order = append(p.order, stage.Name)
		p.seconds[stage.Name] = stage.Seconds
		if seconds, ok := measured[stage.Name]; ok {
			p.seconds[stage.Name] = seconds
		}
	}
	return p
}

// measured are the seconds that each stage took last time. Without a readable
// file there are none, and the first estimates do.
func (p *Stages) measured() map[string]float64 {
	measured := map[string]float64{}
	text, err := os.ReadFile(p.file)
	if err == nil && json.Unmarshal(text, &measured) != nil {
		return map[string]float64{}
	}
	return measured
}

// Start begins a stage.
func (p *Stages) Start(name, what string) {
	p.current, p.since, p.share = Progress{Name: name, What: what}, time.Now(), 1
	p.report(p.at(p.current, 0))
}

// Reduce says that only a share of the current stage, from 0 to 1, is left to do.
func (p *Stages) Reduce(share float64) {
	p.share = share
	p.seconds[p.current.Name] *= share
}

// Step reports a part of the current stage, from 0 to 1.
func (p *Stages) Step(detail string, part float64) {
	e := p.current
	e.Detail = detail
	p.report(p.at(e, part))
}

// Skip leaves a stage out of the estimate: it has nothing to do.
func (p *Stages) Skip(name, what string) {
	p.done[name] = true
	p.seconds[name] = 0
	p.report(p.at(Progress{Name: name, What: what, Finished: true, Cached: true}, 1))
}

// Finish ends the current stage.
func (p *Stages) Finish() {
	name := p.current.Name
	took := time.Since(p.since).Seconds()
	p.seconds[name] = took
	p.done[name] = true
	e := p.current
	e.Finished = true
	p.report(p.at(e, 1))
	// A small share says too little about the whole.
	if p.share > 0.5 {
		p.remember(name, took/p.share)
	}
}

// remember keeps how long a stage took. It serves the next estimate only, so
// that failing to write it is no failure of the build.
func (p *Stages) remember(name string, seconds float64) {
	measured := p.measured()
	measured[name] = seconds
	if text, err := json.MarshalIndent(measured, "", " "); err == nil {
		_ = os.WriteFile(p.file, append(text, '\n'), 0o644)
	}
}

func (p *Stages) at(e Progress, part float64) Progress {
	var total, past float64
	for _, stage := range p.order {
		seconds := p.seconds[stage]
		switch {
		case p.done[stage]:
			past += seconds
		case stage == e.Name:
			// What was measured now counts more than what was expected.
			took := time.Since(p.since).Seconds()
			if part > 0.05 {
				seconds = seconds*(1-part) + took
			} else {
				seconds = max(seconds, took)
			}
			past += min(took, seconds)
		}
		total += seconds
	}
	e.Part, e.Fraction, e.Elapsed = part, 1, time.Since(p.begun)
	if total > 0 {
		e.Fraction = past / total
		e.Remaining = time.Duration((total - past) * float64(time.Second))
	}
	return e
}
