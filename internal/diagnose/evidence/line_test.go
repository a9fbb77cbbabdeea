package evidence

import (
	"testing"
	"time"
)

var now = time.Date(2026, 11, 22, 5, 20, 0, 0, time.UTC)

func TestLine(t *testing.T) {
	at := func(text string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, row := range []struct {
		raw  string
		want Line
	}{
		{
			`E1122 05:17:19.183265   14056 run.go:72] "command failed" err="failed to listen on \"0.0.0.0\"" pod="kube-system/etcd-a"`,
			Line{At: at("2026-11-22T05:17:19.183265Z"), Level: Error, Text: `command failed: failed to listen on "0.0.0.0" (pod=kube-system/etcd-a)`},
		},
		{
			`I1122 05:17:19.183265       1 server.go:220] Version: v1.37.0`,
			Line{At: at("2026-11-22T05:17:19.183265Z"), Level: Info, Text: "Version: v1.37.0"},
		},
		{ // the year before, read in January: see TestNewYear
			`{"level":"fatal","ts":"2026-11-22T05:16:37.296926Z","caller":"etcdmain/etcd.go:157","msg":"discovery failed","error":"bind: address already in use","stacktrace":"go.etcd.io\n\tx"}`,
			Line{At: at("2026-11-22T05:16:37.296926Z"), Level: Fatal, Text: "discovery failed: bind: address already in use"},
		},
		{
			`time="2026-11-22T05:16:37.296926123Z" level=error msg="RunPodSandbox for &PodSandboxMetadata{Name:a} failed" error="failed to setup network"`,
			Line{At: at("2026-11-22T05:16:37.296926123Z"), Level: Error, Text: "RunPodSandbox for &PodSandboxMetadata{Name:a} failed: failed to setup network"},
		},
		{`Error: unknown flag: --foo`, Line{Level: Fatal, Text: "Error: unknown flag: --foo"}},
		{`panic: failed to open database`, Line{Level: Fatal, Text: "panic: failed to open database"}},
		{`.:53 on 10.244.0.2`, Line{Level: Plain, Text: ".:53 on 10.244.0.2"}},
		{"\x1b[31mred\x1b[0m", Line{Level: Plain, Text: "red"}},
		{`{"broken`, Line{Level: Plain, Text: `{"broken`}},
		{``, Line{Level: Plain}},
	} {
		got := NewReader(now).Line(row.raw)
		if got.Text != row.want.Text || got.Level != row.want.Level || !got.At.Equal(row.want.At) {
			t.Errorf("%s\nis %+v\nnot %+v", row.raw, got, row.want)
		}
	}
}

// klog writes no year: what seems to lie ahead was said last year.
func TestNewYear(t *testing.T) {
	r := NewReader(time.Date(2027, 1, 1, 0, 5, 0, 0, time.UTC))
	if got := r.Line(`E1231 23:59:59.000000       1 a.go:1] "x"`).At; got.Year() != 2026 {
		t.Errorf("December's line is of %s", got)
	}
	if got := r.Line(`E0101 00:04:59.000000       1 a.go:1] "x"`).At; got.Year() != 2027 {
		t.Errorf("January's line is of %s", got)
	}
}

func TestContainer(t *testing.T) {
	got := NewReader(now).Container(`2026-11-22T05:17:19.183265111Z stderr F E1122 04:00:00.000000   14056 run.go:72] "command failed" err="x"`)
	if got.Text != "command failed: x" || got.Level != Error || got.At.Nanosecond() != 183265111 || got.At.Hour() != 5 {
		t.Errorf("%+v", got)
	}
	if got := NewReader(now).Container("no such form"); got.Text != "no such form" {
		t.Errorf("%+v", got)
	}
}

func TestSecretsAreTakenOut(t *testing.T) {
	for raw, want := range map[string]string{
		`joined with abcdef.0123456789abcdef today`:                                "joined with <token> today",
		`Authorization: Bearer abcdefgh12345678`:                                   "Authorization: Bearer <token>",
		`token eyJhbGciOiJSUzI1NiIsImtpZCI6.eyJhdWQiOlsiaHR0cHM6Ly9r.c2lnbmF0dXJl`: "token <token>",
		`proxy http://user:hunter2@proxy:3128 refused`:                             "proxy http://user:<password>@proxy:3128 refused",
		`dial tcp 192.0.2.2:6443: connect: connection refused`:                     "dial tcp 192.0.2.2:6443: connect: connection refused",
	} {
		if got := NewReader(now).Line(raw).Text; got != want {
			t.Errorf("%s is shown as %s", raw, got)
		}
	}
}
