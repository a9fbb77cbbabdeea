package survey_test

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/preflight/survey"
)

func here(t *testing.T) *survey.Survey {
	t.Helper()
	h, err := local.New("")
	if err != nil {
		t.Fatal(err)
	}
	return survey.New(h)
}

// What /proc says of the clock is what the clock says, to two seconds.
func TestClock(t *testing.T) {
	c, err := here(t).Clock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if off := time.Since(c.Now).Abs(); off > 2*time.Second {
		t.Errorf("%v is %v away from the real clock", c.Now, off)
	}
	if !c.Boot.Before(c.Now) {
		t.Errorf("booted at %v, after %v", c.Boot, c.Now)
	}
}

// Real sockets are found with their holder, which is this program.
func TestListeners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	four, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer four.Close()
	unix, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	s := here(t)
	all, err := s.Listeners(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, is := range map[string]func(survey.Listener) bool{
		"tcp": func(l survey.Listener) bool { return l.Protocol == "tcp" && l.Address.String() == four.Addr().String() },
		"udp": func(l survey.Listener) bool {
			return l.Protocol == "udp" && l.Address.String() == udp.LocalAddr().String()
		},
		"unix": func(l survey.Listener) bool { return l.Path == path },
	} {
		i := slices.IndexFunc(all, is)
		if i < 0 {
			t.Errorf("%s: not in %+v", name, all)
			continue
		}
		p, ok, err := s.Holder(t.Context(), all[i].Inode)
		if err != nil || !ok || p.PID != os.Getpid() {
			t.Errorf("%s: held by %v %v %v, want process %d", name, p, ok, err, os.Getpid())
		}
	}
}

// A listener on IPv6 is read too, where there is IPv6.
func TestListenersIPv6(t *testing.T) {
	six, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	defer six.Close()
	all, err := here(t).Listeners(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(all, func(l survey.Listener) bool { return l.Address.String() == six.Addr().String() }) {
		t.Errorf("%v is not in %+v", six.Addr(), all)
	}
}

func TestProcessName(t *testing.T) {
	for _, r := range []struct {
		argv []string
		want string
	}{
		{[]string{"/usr/local/bin/kube-apiserver", "--v=2"}, "kube-apiserver"},
		{[]string{"etcd"}, "etcd"},
		{[]string{"/usr/bin/python3.11", "-s", "/usr/sbin/firewalld", "--nofork"}, "firewalld"},
		{[]string{"/bin/sh", "/opt/run.sh"}, "run.sh"},
		{[]string{"bash"}, "bash"},
		{nil, ""},
	} {
		if got := (survey.Process{Argv: r.argv}).Name(); got != r.want {
			t.Errorf("%q is called %q, want %q", r.argv, got, r.want)
		}
	}
}
