package text

import (
	"slices"
	"testing"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"a\x1b[1;31mb\x1b[0mc": "abc", "\x1b]0;title\ax": "x", "\x1b]8;;u\x1b\\link": "link", "a\tb\rc\x00\u009b": "a    bc",
		"end\x1b": "end", "end\x1b[12": "end", "\x1b[1é": "é", "a\u202eb\u200b": "ab", "❤️": "❤", "\xff": "\ufffd", "\x1b]open": "open",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in   string
		max  int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"},
		{"日本語", 1, "…"}, {"日本語", 0, ""}, {"ab cd", 4, "ab…"}, {"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
	} {
		if got := Cut(c.in, c.max, "…"); got != c.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.in, c.max, got, c.want)
		}
	}
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"":             "",
		"\n\n":         "",
		"a\n\n  b\r\n": "a; b",
		"[+]ping ok\n[-]etcd failed\n[-]rbac failed\ncheck failed": "[-]etcd failed; [-]rbac failed",
	} {
		if got := OneLine(in); got != want {
			t.Errorf("OneLine(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLines(t *testing.T) {
	got := Lines("\n \n a \n\nb\t\n\n")
	if want := []string{" a", "", "b"}; !slices.Equal(got, want) {
		t.Errorf("Lines gave %q, want %q", got, want)
	}
}

func TestPadAndWrap(t *testing.T) {
	if got := Pad("日", 4) + "|" + PadLeft("日", 4) + "|" + Pad("long", 2); got != "日  |  日|long" {
		t.Errorf("padded %q", got)
	}
	got := Wrap("see  /a/long/path/that/does/not/fit for 日本語 more", 10)
	if want := []string{"see", "/a/long/path/that/does/not/fit", "for 日本語", "more"}; !slices.Equal(got, want) {
		t.Errorf("wrapped %q, want %q", got, want)
	}
}
