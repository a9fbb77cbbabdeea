package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// walk is somebody who types what a task's page says, in one folder that has
// keelway and its bundle as a clone has after `make bundle`.
type walk struct {
	t   *testing.T
	dir string
}

// turn is what is different about one command of a page.
type turn struct {
	// as is typed instead; skip says why nothing is.
	as, skip string
	// code is the exit code that is wanted.
	code int
	// before and then are done around it; then is told what was printed.
	before func()
	then   func(said string)
}

func newWalk(t *testing.T) walk {
	t.Helper()
	enabled(t)
	long(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	w := walk{t, t.TempDir()}
	for _, sub := range []string{"bin", "dist"} {
		if err := os.Mkdir(filepath.Join(w.dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	copyFile(t, program(t), filepath.Join(w.dir, "bin/keelway"), 0o755)
	copyFile(t, bundle(t), filepath.Join(w.dir, "dist", filepath.Base(bundle(t))), 0o644)
	before := look(t)
	t.Cleanup(func() {
		for _, lab := range []string{"lab", "one"} {
			if _, err := os.Stat(filepath.Join("/var/lib/keelway-lab", lab)); err != nil {
				continue
			}
			if out, err := exec.Command(program(t), "lab", "delete", "--lab", lab, "--yes").CombinedOutput(); err != nil {
				t.Errorf("lab delete: %v\n%s", err, out)
			}
		}
		if left := difference(before, look(t)); len(left) > 0 {
			t.Errorf("the page left behind:\n%s", strings.Join(left, "\n"))
		}
	})
	return w
}

// commands are a page's, in its order: of fenced blocks all lines, or those
// behind a prompt where there are such; and of tables with a command in the last column.
func commands(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../docs/tasks", page))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	inside, shell, prompts := false, false, false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if language, fence := strings.CutPrefix(line, "```"); fence {
			inside, shell, prompts = !inside, language == "", false
			continue
		}
		typed, prompt := strings.CutPrefix(line, "$ ")
		cell, last := strings.CutPrefix(line[strings.LastIndex(strings.TrimSuffix(line, "|"), "|")+1:], " `keelway ")
		switch {
		case inside && shell && (prompt || !prompts && line != ""):
			prompts = prompts || prompt
			all = append(all, typed)
		case !inside && last && strings.HasPrefix(line, "|"):
			command, _, _ := strings.Cut(cell, "`")
			all = append(all, "keelway "+command)
		}
	}
	return all
}

// page types all commands of a page. turns are those of a command, in order; the
// last is that of all further times. Each must be one that the page takes.
func (w walk) page(name string, turns map[string][]turn) {
	w.t.Helper()
	taken := map[string]int{}
	for _, command := range commands(w.t, name) {
		var now turn
		if all := turns[command]; len(all) > 0 {
			now = all[min(taken[command], len(all)-1)]
		}
		if taken[command]++; now.skip != "" {
			w.t.Logf("%s: not typed: %s: %s", name, command, now.skip)
			continue
		}
		if now.before != nil {
			now.before()
		}
		typed := command
		if now.as != "" {
			typed = now.as
		}
		began := time.Now()
		said, code := w.do(typed)
		w.t.Logf("%s: %s (%s)", name, typed, time.Since(began).Round(100*time.Millisecond))
		if code != now.code {
			w.t.Fatalf("%s: %s: exit code %d, want %d\n%s", name, typed, code, now.code, said)
		}
		if now.then != nil {
			now.then(said)
		}
	}
	for command, all := range turns {
		if taken[command] < len(all) {
			w.t.Errorf("%s says %d times only: %s", name, taken[command], command)
		}
	}
}

// do types one line, and returns what it printed and its exit code.
func (w walk) do(line string) (said string, code int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-ec", line)
	cmd.Dir = w.dir
	cmd.Env = append(environment(w.t), "PATH="+filepath.Join(w.dir, "bin")+":"+os.Getenv("PATH"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatalf("%s: %v", line, err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// file changes a file of the walk's folder.
func (w walk) file(name string, change func(text string) string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	text, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(change(string(text))), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// TestPageLab types what "Learn and test with a lab" says.
func TestPageLab(t *testing.T) {
	w := newWalk(t)
	w.page("lab.md", map[string][]turn{
		"apt-get install debootstrap systemd-container openssh-client": {{skip: "`make deps` has done it"}},
		"keelway lab list":     {w.says("lb1")},
		"keelway lab ssh HOST": {{skip: "it stands for any host"}},
		"keelway lab partition cp1,w1 cp2,w2": {{then: func(string) {
			w.parted("cp1", "cp2", true)
			w.parted("cp1", "w1", false)
		}}},
		"keelway lab partition": {w.says("cp2")},
		"keelway lab heal":      {{then: func(string) { w.parted("cp1", "cp2", false) }}},
		"keelway lab ssh --lab one cp1 -- /mnt/share/keelway up":     {w.says("proved: ")},
		"keelway lab ssh --lab one cp1 -- keelway kubectl get nodes": {w.says(" Ready ")},
		"keelway lab create --controlplanes 3 --workers 2 --file cluster.yaml": {{then: func(string) {
			if said, code := w.do("keelway cluster validate -f cluster.yaml"); code != 0 {
				t.Errorf("the lab's cluster file: exit code %d\n%s", code, said)
			}
		}}},
	})
}

// says wants to read something.
func (w walk) says(want string) turn {
	return turn{then: func(said string) {
		w.t.Helper()
		if !strings.Contains(said, want) {
			w.t.Errorf("want %q, got:\n%s", want, said)
		}
	}}
}

// parted asks whether one host's connections to another reach nobody.
func (w walk) parted(from, to string, want bool) {
	w.t.Helper()
	said, code := w.do("keelway lab ssh " + from + ` -- "timeout 3 bash -c '</dev/tcp/` + to + `/22'"`)
	if (code != 0) != want {
		w.t.Errorf("from %s to %s: exit code %d\n%s", from, to, code, said)
	}
}

// TestPageFleet types what "Three control planes and three workers" and "Grow,
// shrink, repair" say on six hosts of a lab. In between it cuts the power of
// each of them in turn.
func TestPageFleet(t *testing.T) {
	w := newWalk(t)
	f := fleet{t, "lab", ""}
	const apply, plan, create = "keelway apply -f cluster.yaml", "keelway plan -f cluster.yaml", "keelway cluster new --controlplanes 3 --workers 3 --file cluster.yaml"
	typed := func(command, says string) turn {
		now := w.says(says)
		now.as = command + " --yes" // there is no terminal that could be asked
		return now
	}
	label := func() { f.kubectl("label node w1 disk=hdd --overwrite") }
	w.page("fleet.md", map[string][]turn{
		create: {{then: func(string) { w.do("mv cluster.yaml example.yaml") }}},
		"keelway lab create --controlplanes 3 --workers 3 --file cluster.yaml": {{then: func(string) {
			w.file("cluster.yaml", func(text string) string {
				return regexp.MustCompile(`(?m)^    name: w1\n`).ReplaceAllString(text, "$0    labels: {disk: ssd}\n")
			})
		}}},
		plan:  {{code: 2}, {code: 2, before: label, then: w.says("-  disk: hdd").then}},
		apply: {typed(apply, "proved: "), {skip: "TestEtcdHosts does it"}},
		"keelway plan -f cluster.yaml --out plan.json":                                           {{code: 2}},
		"keelway apply -f cluster.yaml --plan plan.json":                                         {typed("keelway apply -f cluster.yaml --plan plan.json", "as the file says")},
		"keelway cluster new --controlplanes 2 --workers 3 --etcd-members 3 --file cluster.yaml": {{as: "keelway cluster new --controlplanes 2 --workers 3 --etcd-members 3 --file etcd.yaml"}},
	})
	f.ready(6, 3)
	const clean = "keelway kubectl -n default delete daemonset,pod,service,secret -l keelway.dev/verify"
	w.page("verify.md", map[string][]turn{
		"keelway verify": {{as: "keelway lab ssh cp2 -- keelway verify"}},
		clean:            {{as: "keelway lab ssh cp2 -- " + clean}},
	})
	ask := f.serve()
	for _, host := range []string{"cp1", "cp2", "cp3", "w1", "w2", "w3"} {
		f.survives(host, ask)
	}
	f.survivesPartition("cp1", ask)
	f.ready(6, 3)
	remove := func(host string) turn {
		return turn{as: apply + " --yes --remove " + host, then: func(string) {
			w.file("cluster.yaml", func(text string) string {
				w.do("cp -n cluster.yaml whole.yaml")
				return without(t, text, host)
			})
		}}
	}
	w.page("repair.md", map[string][]turn{
		plan:  {{}},
		apply: {typed(apply, "nothing to do")},
		"keelway apply -f cluster.yaml --remove node-7": {remove("w3"), remove("cp3")},
	})
	f.ready(4, 2)
	w.do("mv whole.yaml cluster.yaml")
	if said, code := w.do(apply + " --yes"); code != 0 {
		t.Fatalf("grow again: exit code %d\n%s", code, said)
	}
	f.ready(6, 3)
	if said, code := w.do("keelway destroy -f cluster.yaml --yes"); code != 0 {
		t.Fatalf("destroy: exit code %d\n%s", code, said)
	}
}
