package lab

import (
	"reflect"
	"strings"
	"testing"
)

func TestGroupsOf(t *testing.T) {
	t.Parallel()
	l := &Lab{Name: "lab", Hosts: []Host{{Name: "cp1"}, {Name: "cp2"}, {Name: "cp3"}, {Name: "w1"}}}
	for _, c := range []struct {
		written []string
		want    [][]string
		err     string
	}{
		{[]string{"cp1"}, [][]string{{"cp1"}, {"cp2", "cp3", "w1"}}, ""},
		{[]string{"cp1,w1"}, [][]string{{"cp1", "w1"}, {"cp2", "cp3"}}, ""},
		{[]string{"w1,cp3", "cp2"}, [][]string{{"w1", "cp3"}, {"cp2"}, {"cp1"}}, ""},
		{[]string{"cp1", "cp2", "cp3", "w1"}, [][]string{{"cp1"}, {"cp2"}, {"cp3"}, {"w1"}}, ""},
		{[]string{"cp1,cp1"}, [][]string{{"cp1"}, {"cp2", "cp3", "w1"}}, ""},
		{[]string{"cp1,cp2,cp3,w1"}, nil, "is every host of the lab lab"},
		{[]string{"cp1,cp2", "cp2"}, nil, "cp2 stands in two groups"},
		{[]string{"cp9"}, nil, `no host in the lab lab "cp9"`},
		{[]string{"cp1,"}, nil, `no host in the lab lab ""`},
		{[]string{""}, nil, `no host in the lab lab ""`},
	} {
		got, err := l.GroupsOf(c.written)
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.written, got, c.want)
		}
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%q: error %v, want %q", c.written, err, c.err)
		}
	}
}
