package plan

import "testing"

func TestFirstOf(t *testing.T) {
	made, joined := Standing{Made: true, Serving: true, Present: true}, Standing{Made: true, Joined: true, Serving: true, Present: true}
	fresh, serving, present := Standing{}, Standing{Serving: true, Present: true}, Standing{Present: true}
	down := Standing{Made: true, Present: true}
	for name, row := range map[string]struct {
		list     []Standing
		external bool
		want     int
	}{
		"nobody":                 {nil, false, -1},
		"a new cluster":          {[]Standing{fresh, fresh}, false, 0},
		"the one it was made on": {[]Standing{joined, made, joined}, false, 1},
		"which is down":          {[]Standing{joined, down}, false, 1},
		"which is lost, and a new one is in its place":   {[]Standing{fresh, joined, joined}, false, -1},
		"a new cluster over an external etcd":            {[]Standing{fresh, fresh}, true, 0},
		"external: the one it was made on":               {[]Standing{serving, made, serving}, true, 1},
		"external: a new machine comes before it":        {[]Standing{fresh, made}, true, 1},
		"external: it is down":                           {[]Standing{serving, down}, true, 1},
		"external: it is lost, and the next that serves": {[]Standing{fresh, present, serving, serving}, true, 2},
		"external: it is lost, and nobody serves":        {[]Standing{fresh, present, present}, true, 1},
	} {
		if got := FirstOf(row.list, row.external); got != row.want {
			t.Errorf("%s: %d, want %d", name, got, row.want)
		}
	}
}
