package unit

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// kubeadm's own units, the shape that matters most.
const kubelet = `[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target containerd.service

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=10

[Install]
WantedBy=multi-user.target
`

const kubeadmConf = `# Note: This dropin only works with kubeadm and kubelet v1.11+
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
# This is a file that "kubeadm init" and "kubeadm join" generate at runtime
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/sysconfig/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
`

const containerd = `[Unit]
After=network.target dbus.service

[Service]
ExecStartPre=-/sbin/modprobe overlay
ExecStart=/usr/local/bin/containerd

Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
OOMScoreAdjust=-999
`

func load(t *testing.T, files map[string]string, name string) (Unit, error) {
	t.Helper()
	root := t.TempDir()
	for p, text := range files {
		p = filepath.Join(root, p)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if to, ok := strings.CutPrefix(text, "-> "); ok {
			if err := os.Symlink(to, p); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Load([]string{filepath.Join(root, "etc"), filepath.Join(root, "usr")}, name)
}

func TestKubelet(t *testing.T) {
	u, err := load(t, map[string]string{"usr/kubelet.service": kubelet, "usr/kubelet.service.d/10-kubeadm.conf": kubeadmConf}, "kubelet")
	if err != nil {
		t.Fatal(err)
	}
	if u.Restart != RestartAlways || u.RestartDelay != 10*time.Second || u.StartLimitInterval != 0 || u.StartLimitBurst != 0 || u.Type != "simple" || u.KillMode != "control-group" {
		t.Errorf("%+v", u)
	}
	if !slices.Equal(u.After, []string{"containerd"}) || !slices.Equal(u.WantedBy, []string{"multi-user.target"}) || len(u.Ignored) != 0 {
		t.Errorf("After %q WantedBy %q Ignored %q", u.After, u.WantedBy, u.Ignored)
	}
	if len(u.EnvFiles) != 2 || !u.EnvFiles[0].Optional || u.EnvFiles[0].Path != "/var/lib/kubelet/kubeadm-flags.env" {
		t.Errorf("%+v", u.EnvFiles)
	}
	env := map[string]string{}
	for _, a := range u.Environment {
		k, v, _ := strings.Cut(a, "=")
		env[k] = v
	}
	got, err := u.Start[0].Expand(env)
	want := []string{"/usr/bin/kubelet", "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf", "--kubeconfig=/etc/kubernetes/kubelet.conf", "--config=/var/lib/kubelet/config.yaml"}
	if err != nil || len(u.Start) != 1 || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestContainerd(t *testing.T) {
	u, err := load(t, map[string]string{"usr/containerd.service": containerd}, "containerd")
	if err != nil {
		t.Fatal(err)
	}
	if u.Type != "notify" || u.KillMode != "process" || u.OOMScoreAdjust == nil || *u.OOMScoreAdjust != -999 {
		t.Errorf("%+v", u)
	}
	if len(u.StartPre) != 1 || !u.StartPre[0].MayFail || u.StartPre[0].Path != "/sbin/modprobe" {
		t.Errorf("%+v", u.StartPre)
	}
	if want := []Limit{{"NPROC", math.MaxUint64, math.MaxUint64}, {"CORE", math.MaxUint64, math.MaxUint64}}; !slices.Equal(u.Limits, want) {
		t.Errorf("%+v", u.Limits)
	}
	if !slices.Equal(u.Ignored, []string{"Service.TasksMax="}) {
		t.Errorf("ignored %q", u.Ignored)
	}
}

func TestLoad(t *testing.T) {
	base := "[Service]\nExecStart=/bin/base\n"
	rows := []struct {
		name, err string
		files     map[string]string
		want      string // ExecStart and description
	}{
		{"an earlier folder wins", "", map[string]string{"etc/x.service": "[Service]\nExecStart=/bin/etc\n", "usr/x.service": base}, "/bin/etc"},
		{"drop-ins by name over folders", "", map[string]string{"usr/x.service": base, "usr/x.service.d/20.conf": "[Unit]\nDescription=usr20", "etc/x.service.d/10.conf": "[Unit]\nDescription=etc10"}, "/bin/base usr20"},
		{"same drop-in name", "", map[string]string{"usr/x.service": base, "usr/x.service.d/10.conf": "[Unit]\nDescription=usr", "etc/x.service.d/10.conf": "[Unit]\nDescription=etc"}, "/bin/base etc"},
		{"not a drop-in", "", map[string]string{"usr/x.service": base, "usr/x.service.d/10.conf.bak": "[Unit]\nDescription=no", "usr/x.service.d/.1.conf": "[Unit]\nDescription=no"}, "/bin/base"},
		{"a drop-in masked", "", map[string]string{"usr/x.service": base, "usr/x.service.d/10.conf": "[Unit]\nDescription=no", "etc/x.service.d/10.conf": "-> /dev/null"}, "/bin/base"},
		{"masked", "masked", map[string]string{"etc/x.service": "-> /dev/null", "usr/x.service": base}, ""},
		{"linked", "", map[string]string{"etc/x.service": "-> ../usr/y.service", "usr/y.service": base}, "/bin/base"},
		{"none", "no x.service in", nil, ""},
		{"no command", "no ExecStart=", map[string]string{"usr/x.service": "[Unit]\nDescription=x\n"}, ""},
		{"two commands", "reset the first", map[string]string{"usr/x.service": base, "usr/x.service.d/a.conf": "[Service]\nExecStart=/bin/b\n"}, ""},
		{"continued", "", map[string]string{"usr/x.service": "[Service]\nExecStart=/bin/base \\\n  --one \\\n# a comment\n  --two\n[Unit]\nDescription=d\n"}, "/bin/base --one --two d"},
		{"a long line", "", map[string]string{"usr/x.service": "[Service]\nExecStart=/bin/base" + strings.Repeat(" --flag", 1000) + "\n"}, "/bin/base" + strings.Repeat(" --flag", 1000)},
		{"forking", "Type=: \"forking\" is not supported", map[string]string{"usr/x.service": base + "Type=forking\n"}, ""},
		{"a bad time", "RestartSec=: \"5 parsecs\" is no time", map[string]string{"usr/x.service": base + "RestartSec=5 parsecs\n"}, ""},
		{"an open quote", "a quote (\") is not closed", map[string]string{"usr/x.service": "[Service]\nExecStart=/bin/base \"x\n"}, ""},
		{"an unknown specifier", "specifier %j", map[string]string{"usr/x.service": "[Service]\nExecStart=/bin/base %j\n"}, ""},
		{"specifiers", "", map[string]string{"usr/x.service": "[Service]\nExecStart=/bin/%p %n %t/x 100%%\n"}, "/bin/x x.service /run/x 100%"},
		{"an odd assignment", "no assignment", map[string]string{"usr/x.service": base + "Environment=1X=y\n"}, ""},
		{"garbage", "read unit x", map[string]string{"usr/x.service": "[Service]\nExecStart\n"}, ""},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			u, err := load(t, r.files, "x")
			if r.err != "" {
				if err == nil || !strings.Contains(err.Error(), r.err) {
					t.Errorf("error %v, want one with %q", err, r.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := strings.TrimSpace(strings.Join(u.Start[0].Argv, " ") + " " + u.Description)
			if got != r.want {
				t.Errorf("%q, want %q", got, r.want)
			}
		})
	}
	if _, err := load(t, nil, "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no unit: %v", err)
	}
	if _, err := load(t, map[string]string{"usr/x.service": ""}, "x"); !errors.Is(err, ErrMasked) {
		t.Errorf("an empty unit: %v", err)
	}
}

func TestSplit(t *testing.T) {
	rows := []struct{ in, want string }{
		{`a  b	c`, `[a b c]`},
		{`"a b" 'c d'`, `[a b|c d]`},
		{`a"b c"d`, `[ab cd]`},
		{`"" ''`, `[|]`},
		{`a\sb \x41\101 A \n`, "[a b|AA|A|\n]"},
		{`"a\"b" 'a\'b'`, `[a"b|a'b]`},
		{`"it's"`, `[it's]`},
		{`\q`, `[\q]`},
	}
	for _, r := range rows {
		words, err := split(r.in)
		want := r.want
		if !strings.Contains(want, "|") {
			want = strings.ReplaceAll(want, " ", " ")
		}
		got := "[" + strings.Join(words, "|") + "]"
		if err != nil || got != want && fmt.Sprint(words) != want {
			t.Errorf("%q: %s, %v, want %s", r.in, got, err, want)
		}
	}
	for _, bad := range []string{`"a`, `'a`, `a\`, `\x4`, `\xzz`, `\400`, `\x00`} {
		if words, err := split(bad); err == nil {
			t.Errorf("%q gave %q", bad, words)
		}
	}
}

func TestExecs(t *testing.T) {
	rows := []struct{ in, want string }{
		{"/bin/a x", "[{/bin/a [/bin/a x] false false}]"},
		{"-/bin/a", "[{/bin/a [/bin/a] true false}]"},
		{"-:/bin/a $X", "[{/bin/a [/bin/a $X] true true}]"},
		{"@/bin/a argv0 x", "[{/bin/a [argv0 x] false false}]"},
		{"+/bin/a ; !!/bin/b", "[{/bin/a [/bin/a] false false} {/bin/b [/bin/b] false false}]"},
		{`/bin/a \; x ";" y`, "[{/bin/a [/bin/a ; x ; y] false false}]"},
	}
	for _, r := range rows {
		got, err := newParser("x").execs(nil, r.in)
		if err != nil || fmt.Sprint(got) != r.want {
			t.Errorf("%q: %v, %v, want %s", r.in, got, err, r.want)
		}
	}
}

func TestExpand(t *testing.T) {
	env := map[string]string{"ONE": "one", "TWO": "a b", "QUOTED": `a 'b c'`, "EMPTY": ""}
	rows := []struct{ word, want string }{
		{"$ONE", "[one]"},
		{"$TWO", "[a b]"},
		{"${TWO}", "[a b]"},
		{"$QUOTED", "[a b c]"},
		{"x${ONE}y${TWO}", "[xoneya b]"},
		{"x$ONE", "[x$ONE]"},
		{"$EMPTY", "[]"},
		{"${EMPTY}", "[]"},
		{"$UNSET", "[]"},
		{"$$ONE", "[$ONE]"},
		{"a$", "[a$]"},
		{"${ONE", "[${ONE]"},
		{"$1", "[$1]"},
	}
	counts := map[string]int{"$TWO": 2, "${TWO}": 1, "$QUOTED": 2, "$EMPTY": 0, "${EMPTY}": 1, "$UNSET": 0}
	for _, r := range rows {
		got, err := Exec{Path: "/p", Argv: []string{"/p", r.word}}.Expand(env)
		if err != nil || fmt.Sprint(got[1:]) != r.want {
			t.Errorf("%q: %q, %v, want %s", r.word, got[1:], err, r.want)
		}
		if n, ok := counts[r.word]; ok && n != len(got)-1 {
			t.Errorf("%q: %d words, want %d", r.word, len(got)-1, n)
		}
	}
	got, err := Exec{Argv: []string{"$ONE", "$ONE"}, Verbatim: true}.Expand(env)
	if err != nil || got[1] != "$ONE" {
		t.Errorf("verbatim: %q, %v", got, err)
	}
}

func TestAssignments(t *testing.T) {
	rows := []struct{ in, want string }{
		{"A=1\nB=2\n", "[[A 1] [B 2]]"},
		{"A=1", "[[A 1]]"},
		{" # comment\n; too\nA=1\n", "[[A 1]]"},
		{"A = x  \n", "[[A x]]"},
		{"A=two words \n", "[[A two words]]"},
		{`A="two words" ` + "\n", "[[A two words]]"},
		{`A='$x "y" \z'`, `[[A $x "y" \z]]`},
		{`A="\$x \"y\" \z"`, `[[A $x "y" \z]]`},
		{`A="a"'b'c`, "[[A abc]]"},
		{`A=it's`, "[[A it's]]"},
		{"A=one\\\ntwo\nB=3", "[[A onetwo] [B 3]]"},
		{"A=\"line\nend\"\nB=3", "[[A line\nend] [B 3]]"},
		{`A=a\ b\c`, "[[A a bc]]"},
		{"A=\nB=1", "[[A ] [B 1]]"},
		{"no assignment\nexport X=1\n9=2\nA=1", "[[A 1]]"},
		{"A=1\r\nB=2\r\n", "[[A 1] [B 2]]"},
		{`KUBELET_KUBEADM_ARGS="--a=b --c=d,e"` + "\n", "[[KUBELET_KUBEADM_ARGS --a=b --c=d,e]]"},
		{"A=open \"quote", "[[A open \"quote]]"},
		{"A=\"open quote\n", "[[A open quote\n]]"},
	}
	for _, r := range rows {
		if got := fmt.Sprint(assignments(r.in)); got != r.want {
			t.Errorf("%q: %s, want %s", r.in, got, r.want)
		}
	}
}

func TestSpan(t *testing.T) {
	rows := []struct {
		in   string
		want time.Duration
	}{
		{"5", 5 * time.Second}, {"0", 0}, {"100ms", 100 * time.Millisecond}, {"1min 30s", 90 * time.Second},
		{"1min30s", 90 * time.Second}, {"2h", 2 * time.Hour}, {"1.5s", 1500 * time.Millisecond}, {"infinity", math.MaxInt64}, {"5 s", 5 * time.Second},
	}
	for _, r := range rows {
		if got, err := span(r.in); err != nil || got != r.want {
			t.Errorf("%q: %v, %v, want %v", r.in, got, err, r.want)
		}
	}
	for _, bad := range []string{"", "x", "5q", "-1", "1..2"} {
		if got, err := span(bad); err == nil {
			t.Errorf("%q gave %v", bad, got)
		}
	}
}
