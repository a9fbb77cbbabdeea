package hook

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/host/local"
)

func TestRun(t *testing.T) {
	t.Parallel()
	here, err := local.New("w1")
	if err != nil {
		t.Fatal(err)
	}
	long := "for i in 1 2 3 4 5 6 7 8 9 10; do echo a; echo b; echo c; echo d; echo e; done"
	for _, row := range []struct {
		name string
		hook file.Hook
		// said is all of it, or its beginning before "|"; err is in the error.
		said, err string
	}{
		{"a command", file.Hook{Command: []string{"echo", "$HOME", "a b"}}, "$HOME a b", ""},
		{"a script", file.Hook{Script: "set -e\necho on $KEELWAY_HOST\necho more >&2\n"}, "on w1\nmore", ""},
		{"nothing said", file.Hook{Command: []string{"true"}}, "", ""},
		{"a failure", file.Hook{Script: "echo why\nexit 3\n"}, "why", "exit code 3"},
		{"no such program", file.Hook{Command: []string{"/nowhere/program"}}, "", "/nowhere/program"},
		{"much", file.Hook{Script: long}, "(10 lines before these)|", ""},
		{"too slow", file.Hook{Command: []string{"sleep", "30"}, Timeout: &metav1.Duration{Duration: 100 * time.Millisecond}}, "", "did not end within 100ms"},
	} {
		if row.hook.Timeout == nil {
			row.hook.Timeout = &metav1.Duration{Duration: time.Minute}
		}
		said, err := Run(t.Context(), here, "w1", row.hook)
		if begin, more := strings.CutSuffix(row.said, "|"); said != row.said && (!more || !strings.HasPrefix(said, begin)) {
			t.Errorf("%s said %q, want %q", row.name, said, row.said)
		}
		if (err == nil) != (row.err == "") || err != nil && !strings.Contains(err.Error(), row.err) {
			t.Errorf("%s: %v, want %q", row.name, err, row.err)
		}
	}
}

func TestRunsOn(t *testing.T) {
	t.Parallel()
	cp := file.Host{Name: "cp1", Roles: []file.Role{file.ControlPlane, file.Worker}}
	lb := file.Host{Name: "lb1", Roles: []file.Role{file.LoadBalancer}}
	for _, row := range []struct {
		name   string
		hook   file.Hook
		cp, lb bool
	}{
		{"all", file.Hook{}, true, true},
		{"by name", file.Hook{Hosts: []string{"lb1"}}, false, true},
		{"by role", file.Hook{Roles: []file.Role{file.Worker, file.EtcdMember}}, true, false},
	} {
		if RunsOn(row.hook, cp) != row.cp || RunsOn(row.hook, lb) != row.lb {
			t.Errorf("%s: on cp1 %t, on lb1 %t", row.name, RunsOn(row.hook, cp), RunsOn(row.hook, lb))
		}
	}
}
