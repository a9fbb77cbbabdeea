package result

import (
	"encoding/xml"
	"strings"
	"testing"
)

func TestLevel(t *testing.T) {
	for _, tc := range []struct {
		seen string
		all  []Level
		want Level
	}{
		{"", nil, Passed},
		{"1 node", []Level{Skipped}, Passed},
		{"", []Level{Skipped}, Skipped},
		{"1 node", []Level{Skipped, Warning}, Warning},
		{"1 node", []Level{Failed, Warning, Skipped}, Failed},
	} {
		o := Outcome{Seen: tc.seen}
		for _, l := range tc.all {
			o.Add(l, "", "", "x")
		}
		if got := o.Level(); got != tc.want {
			t.Errorf("%q with %v is %s, want %s", tc.seen, tc.all, got, tc.want)
		}
	}
}

func TestJUnit(t *testing.T) {
	r := Report{Results: []Result{
		{Name: "Nodes", Level: Passed, Seen: "1 node", Seconds: 1},
		{Name: "DNS", Level: Failed, What: "names", Why: "they are used", Seconds: 2, Findings: []Finding{{Level: Failed, Where: "a", Message: `no "such" <host>`, Fix: "start CoreDNS"}}},
		{Name: "Encryption", Level: Skipped, Findings: []Finding{{Level: Skipped, Message: "not asked for"}}},
	}}
	var b strings.Builder
	if err := r.WriteJUnit(&b); err != nil {
		t.Fatal(err)
	}
	var back suite
	if err := xml.Unmarshal([]byte(b.String()), &back); err != nil {
		t.Fatal(err)
	}
	if back.Tests != 3 || back.Failures != 1 || back.Skipped != 1 || back.Time != 2 || len(back.Cases) != 3 {
		t.Errorf("counts are wrong: %+v", back)
	}
	f := back.Cases[1].Failure
	if f == nil || f.Message != `a: no "such" <host>` || !strings.Contains(f.Text, "what to do: start CoreDNS") || back.Cases[0].Failure != nil || back.Cases[2].Skipped == nil {
		t.Errorf("cases are wrong:\n%s", b.String())
	}
}
