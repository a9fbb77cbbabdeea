package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/plan/diff"
)

// changing is a plan with a long change of a file, a new file and a secret one.
func changing() plan.Fleet {
	var long strings.Builder
	for i := range 40 {
		fmt.Fprintf(&long, "line %d\n", i)
	}
	s := plan.Step{
		Host: "cp1", Change: plan.Update, Reason: "/etc/a has another content", Origins: []plan.Origin{plan.OnHost},
		Resource: desired.Resource{ID: "a/b", What: "write it", Files: []desired.File{
			{Path: "/etc/a", Content: []byte("token: hunter2\n" + long.String())},
			{Path: "/etc/new", Content: []byte("fresh\n")},
			{Path: "/etc/key", Content: []byte("KEY"), Secret: true},
		}},
		Before: plan.Before{Files: map[string]observed.File{
			"/etc/a": {Content: []byte("token: hunter3\n\x1b[31mold\n"), Size: 9}, "/etc/key": {Content: []byte("OLD"), Size: 3},
		}},
	}
	return plan.Fleet{Stages: []plan.Stage{{Name: "control planes", Hosts: []plan.HostPlan{{Host: "cp1", Part: plan.First, Plan: plan.Plan{Steps: []plan.Step{s}}}}}}}
}

func TestPlanShowsDifferences(t *testing.T) {
	for _, row := range []struct {
		look      look
		has, lack []string
	}{
		{look{}, []string{
			"            --- /etc/a\n            +++ /etc/a\n", "            -token: (hidden)\n            -old\n            +token: (hidden, another one)\n",
			"because /etc/a has another content (changed since the last apply on the host)\n", "since the last apply was changed:\n  on the host: 1\n",
			"+line 12\n", "… 26 more lines: --diff shows them", "/etc/key: not shown: its content is secret",
		}, []string{"fresh", "line 20", "hunter", "KEY", "\x1b"}},
		{look{diff: true}, []string{"+line 39\n", "            --- /dev/null\n            +++ /etc/new\n            @@ -0,0 +1 @@\n            +fresh\n"}, []string{"more lines", "hunter", "KEY", "\x1b"}},
	} {
		var out bytes.Buffer
		printFleet(&out, changing(), row.look)
		for _, words := range row.has {
			if !strings.Contains(out.String(), words) {
				t.Errorf("%+v lacks %q:\n%s", row.look, words, out.String())
			}
		}
		for _, words := range row.lack {
			if strings.Contains(out.String(), words) {
				t.Errorf("%+v has %q:\n%s", row.look, words, out.String())
			}
		}
	}
}

func TestPlanAsData(t *testing.T) {
	for _, all := range []bool{false, true} {
		var out bytes.Buffer
		if err := printFleetJSON(&out, changing(), func(s plan.Step) []diff.Diff { return diffsOf(s, all) }); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		if !strings.Contains(text, `+line 39\n`) || strings.Contains(text, "+fresh") != all || !strings.Contains(text, `"origins": [`) || strings.Contains(text, "hunter") || strings.Contains(text, "KEY") {
			t.Errorf("all %v:\n%s", all, text)
		}
	}
	file := filepath.Join(t.TempDir(), "plan.json")
	if err := savePlan(file, changing()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(text), "line 1") || !strings.Contains(string(text), `"a/b"`) {
		t.Errorf("a saved plan holds the content of a file: %v\n%s", err, text)
	}
}
