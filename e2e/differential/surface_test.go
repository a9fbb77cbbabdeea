package differential

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	subcommands = regexp.MustCompile(`(?s)Available Commands:\n(.*?)\n\n`)
	flagLine    = regexp.MustCompile(`(?m)^\s+(?:-\w, )?--([a-z0-9-]+)(?: (\S+))?(?:  |$)`)
)

// TestSurface walks the peer's commands: each is there in Keelway, and takes
// every flag, but for those on the list. A command of the list stands for all
// below it; a flag that begins with "--" stands for it everywhere.
func TestSurface(t *testing.T) {
	t.Parallel()
	keelway, kubeadm := peers(t)
	meant := differences(t, "commands")
	commands, flags := 0, 0
	var walk func(path []string)
	walk = func(path []string) {
		help := run(t, kubeadm, append(path, "--help")...).out
		name := strings.Join(path, " ")
		if len(path) > 0 {
			commands++
			if a := run(t, keelway, append(path, "--help")...); !a.ok || !takes(a.out, path) {
				meant.judge(t, name, "kubeadm alone has: "+name+" "+a.err, "")
				for below := range meant.why {
					if strings.HasPrefix(below, name+" ") {
						meant.seen[below] = true
					}
				}
				return
			}
			known := map[string]string{}
			for _, m := range flagLine.FindAllStringSubmatch(help, -1) {
				known[m[1]] = m[2]
			}
			flags += len(known)
			for _, flag := range missing(t, keelway, path, known) {
				listed := "--" + flag
				if meant.why[listed] == "" {
					listed = name + " --" + flag
				}
				meant.judge(t, listed, "kubeadm alone has: "+name+" --"+flag, "")
			}
		}
		if m := subcommands.FindStringSubmatch(help); m != nil {
			for line := range strings.Lines(m[1]) {
				if f := strings.Fields(line); len(f) > 0 && f[0] != "help" {
					walk(append(slices.Clone(path), f[0]))
				}
			}
		}
	}
	walk(nil)
	t.Logf("%d commands with %d flags held side by side", commands, flags)
	if commands < 80 {
		t.Errorf("%d commands only", commands)
	}
	meant.stale(t)
}

// takes tells whether a help text is of that command and not of one above it.
func takes(help string, path []string) bool {
	return strings.Contains(help, "keelway "+strings.Join(path, " "))
}

// missing are the flags that a command does not know: it is given all at once,
// and then each.
func missing(t *testing.T, keelway string, path []string, flags map[string]string) []string {
	t.Helper()
	give := func(names ...string) bool {
		args := slices.Clone(path)
		for _, name := range names {
			value := map[string]string{"": "", "duration": "=1m", "int": "=1", "int32": "=1", "Level": "=1", "mapStringString": "=a=b"}
			v, ok := value[flags[name]]
			if !ok {
				v = "=a=b"
			}
			args = append(args, "--"+name+v)
		}
		return run(t, keelway, append(args, "--help")...).ok
	}
	var all, without []string
	for name := range flags {
		// How much Keelway says is told with -v, once or more; kubeadm's is klog's level.
		if name != "help" && name != "v" {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	if give(all...) {
		return nil
	}
	for _, name := range all {
		if !give(name) {
			without = append(without, name)
		}
	}
	return without
}
