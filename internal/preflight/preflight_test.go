package preflight_test

import (
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/preflight"
)

// Nothing is in the way on a machine that has all it needs, and no check
// changes it.
func TestNothingFound(t *testing.T) {
	w := newWorld(t)
	w.Forget()
	for _, f := range w.run() {
		t.Errorf("%s: %s", f.Name, f.Message)
	}
	for _, c := range w.Calls() {
		if c.Op == "put" || c.Op == "remove" {
			t.Errorf("changed the machine: %s %s", c.Op, c.Path)
		}
	}
	for _, command := range w.Ran() {
		if !strings.HasPrefix(command, "df ") {
			t.Errorf("ran %s", command)
		}
	}
}

// Each row breaks one thing; exactly the named findings must come of it.
func TestFindings(t *testing.T) {
	rows := slices.Concat(machineRows(), networkRows(), residentRows())
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			w := newWorld(t)
			r.change(w)
			found := w.run()
			var got []string
			for _, f := range found {
				name := f.Name
				if f.Warning {
					name = "warning " + name
				}
				got = append(got, name)
				if f.Message == "" || f.Fix == "" {
					t.Errorf("%s lacks words: %+v", f.Name, f)
				}
			}
			if !reflect.DeepEqual(got, r.want) {
				t.Fatalf("got %q, want %q\n%s", got, r.want, strings.Join(preflight.Lines(found), "\n"))
			}
			for _, word := range r.words {
				if len(found) == 0 || !strings.Contains(found[0].Message+" "+found[0].Fix, word) {
					t.Errorf("%+v does not say %q", found, word)
				}
			}
		})
	}
}

type row struct {
	name   string
	change func(*world)
	// want are the names of the findings, "warning " before those that are.
	want []string
	// words must be in the first finding.
	words []string
}

// Every check of the table is seen to fail by some row.
func TestEveryCheckFails(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range slices.Concat(machineRows(), networkRows(), residentRows()) {
		for _, name := range r.want {
			seen[strings.TrimPrefix(name, "warning ")] = true
		}
	}
	for _, c := range preflight.Checks() {
		family, isFamily := strings.CutSuffix(c.Name, "*")
		covered := seen[c.Name]
		for name := range seen {
			covered = covered || isFamily && strings.HasPrefix(name, family)
		}
		if !covered {
			t.Errorf("no row makes %s fail", c.Name)
		}
	}
}

func TestIgnore(t *testing.T) {
	found := []preflight.Finding{{Name: "Swap"}, {Name: "Port-6443"}, {Name: "Firewalld", Warning: true}}
	rows := []struct {
		names    []string
		errors   []string
		mistaken bool
	}{
		{nil, []string{"Swap", "Port-6443"}, false},
		{[]string{"swap"}, []string{"Port-6443"}, false},
		{[]string{" SWAP ", "port-6443"}, nil, false},
		{[]string{"Port-*"}, []string{"Swap", "Port-6443"}, false},
		{[]string{"ALL"}, nil, false},
		{[]string{"all", "all"}, nil, false},
		{[]string{"all", "Swap"}, nil, true},
	}
	for _, r := range rows {
		left, err := preflight.Ignore(found, r.names)
		if (err != nil) != r.mistaken {
			t.Errorf("%q: %v", r.names, err)
		}
		if r.mistaken {
			continue
		}
		var errs []string
		for _, f := range left {
			if !f.Warning {
				errs = append(errs, f.Name)
			}
		}
		if !reflect.DeepEqual(errs, r.errors) || preflight.Failed(left) != (len(errs) > 0) || len(left) != len(found) {
			t.Errorf("%q leaves %v, want %v", r.names, left, r.errors)
		}
	}
	if found[0].Warning {
		t.Error("the findings were changed in place")
	}
}

func TestLines(t *testing.T) {
	got := preflight.Lines([]preflight.Finding{
		{Name: "NumCPU", Message: "too few"},
		{Name: "Swap", Warning: true, Message: "swap is on", Fix: "swapoff -a"},
	})
	want := []string{"[WARNING Swap]: swap is on", "  what to do: swapoff -a", "[ERROR NumCPU]: too few"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}

// A file that cannot be read costs one check, not the others; a host that is
// out of reach costs all.
func TestUnreadable(t *testing.T) {
	w := newWorld(t)
	w.Inject(hosttest.Fault{Op: "open", Path: "/proc/meminfo", Err: syscall.EACCES})
	found := w.run()
	if len(found) != 1 || found[0].Name != "Mem" || !found[0].Warning || !strings.Contains(found[0].Message, "cannot be checked on node-1") {
		t.Errorf("got %+v", found)
	}
	w.Inject(hosttest.Fault{Err: syscall.EHOSTUNREACH})
	w.target.Model = w.model
	if found, err := preflight.Run(t.Context(), w.target); err == nil || !strings.Contains(err.Error(), "cannot check node-1") {
		t.Errorf("got %v %v", found, err)
	}
}
