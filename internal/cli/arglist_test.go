package cli

import (
	"slices"
	"testing"

	"keelway.dev/keelway/internal/config"
)

func TestArgList(t *testing.T) {
	var l argList
	for _, value := range []string{"v=2,a=b,v=3", "feature-gates=A=true"} {
		if err := l.Set(value); err != nil {
			t.Fatal(err)
		}
	}
	want := []config.Arg{{Name: "v", Value: "2"}, {Name: "a", Value: "b"}, {Name: "v", Value: "3"}, {Name: "feature-gates", Value: "A=true"}}
	if !slices.Equal(l, want) || l.String() != "v=2,a=b,v=3,feature-gates=A=true" {
		t.Errorf("have %v", l)
	}
	for _, value := range []string{"v", "=2", "a=b,"} {
		if err := l.Set(value); err == nil {
			t.Errorf("%q was taken", value)
		}
	}
}
