package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/bench/memory"
	"keelway.dev/keelway/bench/sample"
	"keelway.dev/keelway/bench/watch"
)

// measured is a bench after one pair: half the time, more memory, a slow start.
func measured() *bench {
	b := &bench{options: options{settle: time.Minute}}
	for who, f := range map[side]float64{theReference: 2, itself: 1} {
		b.timelines = append(b.timelines, timeline{"present", who, watch.Timeline{
			watch.Complete: time.Duration(10 * f * float64(time.Second)), watch.NodeReady: time.Duration(9 * f * float64(time.Second)),
		}})
		b.usage = append(b.usage, usage{who, []memory.Usage{
			{Program: "etcd", Processes: 1, PSS: 50 << 20}, {Program: "pause", Processes: 8, PSS: int64(10/f) << 20},
		}})
		b.signings = append(b.signings, signed{who, time.Duration(16 * f * float64(time.Second))})
	}
	b.figures = []figure{
		{name: "start", unit: "ms", ours: sample.Sample{60}, reference: sample.Sample{40}, targets: []target{own(50)}},
		{name: "floor", unit: "s", ours: sample.Sample{3}},
	}
	return b
}

func TestResults(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bench.json")
	if err := writeJSON(file, measured().results()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]any
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	type row struct {
		ours, reference, ratio, target float64
		met                            bool
	}
	want := []row{
		{10, 20, 0.5, 0.5, true},
		{9, 18, 0.5, 0.8, true},
		{60, 55, 60. / 55, 0.8, false},
		{16, 32, 0.5, 15, false},
		{60, 40, 1.5, 50, false},
		{3, 0, 0, 0, true},
	}
	if len(list) != len(want) {
		t.Fatalf("%d results, want %d:\n%s", len(list), len(want), data)
	}
	for i, r := range list {
		got := row{r["ours"].(float64), r["reference"].(float64), r["ratio"].(float64), r["target"].(float64), r["met"].(bool)}
		if got != want[i] || r["name"] == "" {
			t.Errorf("%v: %+v, want %+v", r["name"], got, want[i])
		}
	}
}

func TestPage(t *testing.T) {
	b := measured()
	text := align(b.table()) + align(b.timelineRows("present")) + align(b.usageRows())
	for _, line := range []string{
		"| images present, until CoreDNS is Ready and a Service answers | 20.0 s    | 20.0-20.0 | 10.0 s  | 10.0-10.0 | 0.500 | ratio 0.5 | met    |",
		"| start                                                        | 40.0 ms   | 40.0-40.0 | 60.0 ms | 60.0-60.0 | 1.50  | 50 ms     | missed |",
		"| node Ready | 18.0      | 18.0-18.0 | 9.00    | 9.00-9.00 |",
		"| pause   | 8         | 5.00      | 10.0    |",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("no line\n%s\nin\n%s", line, text)
		}
	}
}

func TestDocument(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	for _, row := range []struct{ before, after string }{
		{"a\n" + beginMark + "old\n" + endMark + "b\n", "a\n" + beginMark + "\nnew\n" + endMark + "b\n"},
		{"no marks\n", ""},
		{beginMark, ""},
	} {
		if err := os.WriteFile(file, []byte(row.before), 0o600); err != nil {
			t.Fatal(err)
		}
		err := writeDocument(file, "new")
		got, readErr := os.ReadFile(file)
		switch {
		case readErr != nil:
			t.Fatal(readErr)
		case row.after == "" && err == nil:
			t.Errorf("%q was taken for a page with marks", row.before)
		case row.after == "" && string(got) != row.before:
			t.Errorf("%q was changed to %q", row.before, got)
		case row.after != "" && (err != nil || string(got) != row.after):
			t.Errorf("%q: %v, want %q", got, err, row.after)
		}
	}
}

func TestChoose(t *testing.T) {
	if all, err := choose(""); err != nil || names(all) != "cli,pki,floor,plan,present,csr,bare,ssh100,ssh500,fleet-present,fleet-bare" {
		t.Errorf("all: %s, %v", names(all), err)
	}
	if some, err := choose("bare,cli"); err != nil || names(some) != "bare,cli" {
		t.Errorf("two: %s, %v", names(some), err)
	}
	if _, err := choose("bear"); err == nil || !strings.Contains(err.Error(), "cli,pki,floor,plan,present,csr,bare,ssh100,ssh500,fleet-present,fleet-bare") {
		t.Errorf("a scenario that is none: %v", err)
	}
}
