// Package diff shows what a step changes in files and in objects of the API, line by line and without what is secret.
package diff

import (
	"fmt"
	"strings"

	"github.com/pmezard/go-difflib/difflib"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/plan"
)

// Diff is how one file or object changes.
type Diff struct {
	// Name is the file's path, or the object's kind, namespace and name.
	Name string `json:"name"`
	// New is true of what is not there yet.
	New bool `json:"new,omitempty"`
	// Text is a unified diff in which "(hidden)" stands for what is secret.
	Text string `json:"text,omitempty"`
	// Hidden says why there is no text.
	Hidden string `json:"hidden,omitempty"`
}

// around is how many lines that stay are shown beside each change.
const around = 3

// Of returns the differences that a step makes, in its order. Certificates, keys
// and kubeconfigs have none: their reason says what is wrong with them.
func Of(s plan.Step) []Diff {
	var list []Diff
	for _, f := range s.Resource.Files {
		if !f.Mode.IsRegular() {
			continue
		}
		before, there := s.Before.Files[f.Path]
		if d := ofFile(f, before, there); d.Text+d.Hidden != "" {
			list = append(list, d)
		}
	}
	for _, o := range s.Resource.Objects {
		if d := ofObject(o, s.Before.Objects); d.Text+d.Hidden != "" {
			list = append(list, d)
		}
	}
	return list
}

func ofFile(f desired.File, before observed.File, there bool) Diff {
	d := Diff{Name: f.Path, New: !there}
	switch {
	case f.Binary != "":
		d.Hidden = "a program"
	case f.Secret:
		d.Hidden = "its content is secret"
	case before.Content == nil && before.Size > 0:
		d.Hidden = fmt.Sprintf("what is there has %d bytes and no text of ours", before.Size)
	default:
		d.Text = unified(d.Name, there, string(before.Content), string(f.Content))
	}
	return d
}

// unified compares two texts after what is secret was hidden in both.
func unified(name string, there bool, before, after string) string {
	from := name
	if !there {
		from = "/dev/null"
	}
	m := mask{seen: map[string]bool{}}
	a := m.hide(before)
	m.compare = there
	b := m.hide(after)
	text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		A: lines(a), B: lines(b), FromFile: from, ToFile: name, Context: around,
	})
	if err != nil {
		return "" // a strings.Builder takes everything
	}
	return text
}

// lines keeps the end of each line, and gives the last one an end.
func lines(text string) []string {
	if text == "" {
		return nil
	}
	list := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	list[len(list)-1] += "\n"
	return list
}
