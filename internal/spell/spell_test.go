package spell

import (
	"slices"
	"testing"
)

func TestLike(t *testing.T) {
	names := []string{"up", "down", "status", "certs/apiserver", "/etc/kubernetes/pki/apiserver.crt", "kube-scheduler"}
	for _, row := range []struct {
		name string
		want []string
	}{
		{"statu", []string{"status"}},
		{"satus", []string{"status"}},
		{"kube-schedulr", []string{"kube-scheduler"}},
		{"certs/apisever", []string{"certs/apiserver"}},
		{"/etc/kubernetes/pki/apisrver.crt", []string{"/etc/kubernetes/pki/apiserver.crt"}},
		{"apiserver", []string{"certs/apiserver", "/etc/kubernetes/pki/apiserver.crt"}},
		{"something-else", nil},
		{"x", nil},
	} {
		if got := Like(row.name, names); !slices.Equal(got, row.want) {
			t.Errorf("%s is like %q, want %q", row.name, got, row.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"etcd", "etdc", 2}, {"same", "same", 0}} {
		if got := Distance(row.a, row.b); got != row.want {
			t.Errorf("%q to %q: %d, want %d", row.a, row.b, got, row.want)
		}
	}
}
