package report

import (
	"strings"
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 45 * time.Second: "45s", 130 * time.Second: "2m10s", 312 * time.Minute: "5h12m",
		364*24*time.Hour + time.Hour: "364d", 10 * 365 * 24 * time.Hour: "10y",
		-3 * 24 * time.Hour: "-3d", -1 << 63: "-292y",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", int64(d), got, want)
		}
	}
}

func TestElapsed(t *testing.T) {
	for s, want := range map[float64]string{
		-1: "0.00s", 0: "0.00s", 0.314: "0.31s", 9.994: "9.99s", 9.996: "10.0s", 59.94: "59.9s", 59.96: "1m00s",
		125: "2m05s", 3599.6: "1h00m", 3720: "1h02m",
	} {
		if got := elapsed(s); got != want {
			t.Errorf("elapsed(%v) = %q, want %q", s, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	err := Table(&b, []string{"NAME", "VERSION", "HEALTH"}, [][]string{
		{"kube-apiserver", "v1.37.0", "ok"}, {"日本", "", "\x1b[31mdown\x1b[0m\nsince 2m"}, {"etcd", "3.7.3"}, {"x", "1", "ok", "more"},
	})
	want := `NAME            VERSION  HEALTH
kube-apiserver  v1.37.0  ok
日本                     down; since 2m
etcd            3.7.3
x               1        ok              more
`
	if err != nil || b.String() != want {
		t.Errorf("error %v, wrote\n%s\nwant\n%s", err, b.String(), want)
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name, format string
		on           surroundings
		want         string
	}{
		{"terminal", "text", surroundings{terminal: true, term: "xterm"}, "\x1b[1mup\x1b[0m\n"},
		{"no format", "", surroundings{terminal: true, term: "xterm"}, "\x1b[1mup\x1b[0m\n"},
		{"NO_COLOR", "text", surroundings{terminal: true, term: "xterm", noColor: "1"}, "up\n"},
		{"dumb", "text", surroundings{terminal: true, term: "dumb"}, "start             up\n"},
		{"no TERM", "text", surroundings{terminal: true}, "start             up\n"},
		{"pipe", "text", surroundings{term: "xterm"}, "start             up\n"},
		{"json", "json", surroundings{terminal: true, term: "xterm"}, `{"time":"2026-01-02T03:04:05Z","event":"start","what":"up"}` + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			sink, end, err := choose(&b, c.format, Options{}, c.on)
			if err != nil {
				t.Fatal(err)
			}
			sink.Emit(Event{Time: epoch, Kind: Start, What: "up"})
			end()
			end()
			if b.String() != c.want {
				t.Errorf("wrote %q, want %q", b.String(), c.want)
			}
		})
	}
	for _, term := range []string{"linux", "xterm"} {
		sink, end, err := choose(&strings.Builder{}, "text", Options{NoColor: true}, surroundings{terminal: true, term: term})
		if err != nil {
			t.Fatal(err)
		}
		end()
		if got := sink.(*Terminal).opts; got.ASCII != (term == "linux") || !got.NoColor {
			t.Errorf("on TERM=%s the options are %+v", term, got)
		}
	}
	_, _, err := choose(&strings.Builder{}, "yaml", Options{}, surroundings{})
	if want := `cannot report as "yaml": --output takes "text" for people or "json" for JSON lines, one event each`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
