package build

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// progress turns the work that is done into a fraction and an estimate. Each
// stage weighs as many seconds as it took last time, or as the recipe says.
type progress struct {
	report  func(Progress)
	file    string
	begun   time.Time
	order   []string
	seconds map[string]float64
	done    map[string]bool
	current string
	since   time.Time
}

// Stages that follow the compilation, with a first estimate in seconds.
var stages = [...]struct {
	name    string
	seconds float64
}{{"debian", 5}, {"assemble", 10}, {"pack", 90}}

func newProgress(report func(Progress), cache string) *progress {
	p := &progress{
		report: report, file: filepath.Join(cache, "seconds.json"), begun: time.Now(),
		seconds: map[string]float64{}, done: map[string]bool{},
	}
	if report == nil {
		p.report = func(Progress) {}
	}
	return p
}

// expect adds the stages of a build, in order.
func (p *progress) expect(programs []Program) {
	for _, program := range programs {
		p.order = append(p.order, program.Name)
		p.seconds[program.Name] = float64(program.Seconds)
	}
	for _, s := range stages {
		p.order = append(p.order, s.name)
		p.seconds[s.name] = s.seconds
	}
	measured := map[string]float64{}
	// Without a readable file there are no measured times, and the first
	// estimates do.
	if text, err := os.ReadFile(p.file); err == nil && json.Unmarshal(text, &measured) == nil {
		for name, seconds := range measured {
			if _, ok := p.seconds[name]; ok {
				p.seconds[name] = seconds
			}
		}
	}
}

func (p *progress) start(name string) {
	p.current, p.since = name, time.Now()
	p.report(p.at(name, "", 0))
}

// step reports a part of the current stage, from 0 to 1.
func (p *progress) step(detail string, part float64) {
	p.report(p.at(p.current, detail, part))
}

// skip leaves a stage out of the estimate: it has nothing to do.
func (p *progress) skip(name string) {
	p.done[name] = true
	p.seconds[name] = 0
	report := p.at(name, "", 0)
	report.Finished, report.Cached = true, true
	p.report(report)
}

func (p *progress) finish() {
	p.seconds[p.current] = time.Since(p.since).Seconds()
	p.done[p.current] = true
	report := p.at(p.current, "", 0)
	report.Finished = true
	p.report(report)
	p.remember(p.current, p.seconds[p.current])
}

// remember keeps how long a stage took. It serves the next estimate only, so
// that failing to write it is no failure of the build.
func (p *progress) remember(name string, seconds float64) {
	measured := map[string]float64{}
	if text, err := os.ReadFile(p.file); err == nil {
		_ = json.Unmarshal(text, &measured)
	}
	measured[name] = seconds
	if text, err := json.MarshalIndent(measured, "", " "); err == nil {
		_ = os.WriteFile(p.file, append(text, '\n'), 0o644)
	}
}

func (p *progress) at(name, detail string, part float64) Progress {
	var total, past float64
	for _, stage := range p.order {
		total += p.seconds[stage]
		if p.done[stage] {
			past += p.seconds[stage]
		} else if stage == name {
			past += p.seconds[stage] * part
		}
	}
	report := Progress{Name: name, Detail: detail, Fraction: 1, Elapsed: time.Since(p.begun)}
	if total > 0 {
		report.Fraction = past / total
		report.Remaining = time.Duration((total - past) * float64(time.Second))
	}
	return report
}
