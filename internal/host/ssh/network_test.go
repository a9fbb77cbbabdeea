package ssh

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/host/ssh/sshtest"
)

func TestDial(t *testing.T) {
	h := startSSHD(t, "").host()
	socket := filepath.Join(t.TempDir(), "socket")
	for _, network := range []string{"tcp", "unix"} {
		address := socket
		if network == "tcp" {
			address = "127.0.0.1:0"
		}
		l, err := net.Listen(network, address)
		must(t, err)
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() { defer c.Close(); _, _ = io.Copy(c, io.LimitReader(c, 5)) }()
			}
		}()
		c, err := h.Dial(t.Context(), network, l.Addr().String())
		must(t, err)
		if got := c.RemoteAddr(); got.Network() != network || got.String() != l.Addr().String() {
			t.Errorf("remote address %v %v", got.Network(), got)
		}
		// A deadline ends a read, and the connection lives on.
		must(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		var timeout net.Error
		if _, err := c.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%s: read past the deadline: %v", network, err)
		}
		must(t, c.SetDeadline(time.Time{}))
		_, err = io.WriteString(c, "hello")
		must(t, err)
		if got, err := io.ReadAll(c); err != nil || string(got) != "hello" {
			t.Errorf("%s: echoed %q, %v", network, got, err)
		}
		must(t, c.Close())
	}

	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.Repeat("x", 1<<20))
	}))
	defer web.Close()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext: h.Dial, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	defer client.CloseIdleConnections()
	for range 3 {
		resp, err := client.Get(web.URL)
		must(t, err)
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || len(body) != 1<<20 {
			t.Errorf("%d bytes, %v", len(body), err)
		}
	}

	if _, err := h.Dial(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", sshtest.FreePort(t))); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a port that nobody listens on: %v", err)
	}
	if _, err := h.Dial(t.Context(), "unix", socket+"-missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a socket that is not there: %v", err)
	}
	dead := filepath.Join(t.TempDir(), "dead")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"})
	must(t, err)
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := h.Dial(t.Context(), "unix", dead); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a socket that nobody listens on: %v", err)
	}
	closed := startSSHD(t, "DisableForwarding yes").host()
	_, err = closed.Dial(t.Context(), "tcp", web.Listener.Addr().String())
	sshtest.WantError(t, err, "AllowTcpForwarding")
}

func TestLinks(t *testing.T) {
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("no ip on this machine: install iproute2")
	}
	h := startSSHD(t, "").host()
	here, err := local.New("")
	must(t, err)
	link := fmt.Sprintf("kwt%d", os.Getpid()%1e6)
	if out, err := exec.Command("ip", "link", "add", link, "type", "veth", "peer", "name", link+"p").CombinedOutput(); err != nil {
		t.Skipf("cannot make a link: %v: %s", err, out)
	}
	defer func() { _ = exec.Command("ip", "link", "delete", link).Run() }()
	links, err := h.Links(t.Context())
	must(t, err)
	for _, name := range []string{"lo", link, link + "p"} { // not link@peer
		if !slices.Contains(links, name) {
			t.Errorf("links %v lack %s", links, name)
		}
	}
	for range 2 {
		must(t, h.DeleteLink(t.Context(), link))
	}
	if links, err = here.Links(t.Context()); err != nil || slices.Contains(links, link) {
		t.Errorf("links %v, %v", links, err)
	}
}

func TestTables(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("no nft on this machine: install nftables (make deps)")
	}
	h := startSSHD(t, "").host()
	here, err := local.New("")
	must(t, err)
	table := fmt.Sprintf("keelway-test-%d", os.Getpid())
	for _, family := range []string{"inet", "ip6"} {
		if out, err := exec.Command("nft", "add", "table", family, table).CombinedOutput(); err != nil {
			t.Skipf("cannot make a table: %v: %s", err, out)
		}
		defer func() { _ = exec.Command("nft", "delete", "table", family, table).Run() }()
	}
	tables, err := h.Tables(t.Context())
	must(t, err)
	if !slices.Contains(tables, "inet "+table) || !slices.Contains(tables, "ip6 "+table) {
		t.Errorf("tables %q", tables)
	}
	for range 2 {
		must(t, h.DeleteTable(t.Context(), "inet "+table))
	}
	tables, err = here.Tables(t.Context())
	if err != nil || slices.Contains(tables, "inet "+table) || !slices.Contains(tables, "ip6 "+table) {
		t.Errorf("tables %q, %v", tables, err)
	}
}

// TestMissingProgram is a machine without ip and nft.
func TestMissingProgram(t *testing.T) {
	h := startSSHD(t, "").host()
	var none any
	err := h.ask(t.Context(), &none, "iproute2", "keelway-no-such-program", "-j")
	sshtest.WantError(t, err, "not installed", "apt-get install iproute2")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestLock(t *testing.T) {
	s := startSSHD(t, "")
	one, two := s.host(), s.host()
	here, err := local.New("")
	must(t, err)
	path := filepath.Join(t.TempDir(), "lock")
	held := func(l host.Locker, by string) {
		t.Helper()
		_, holder, err := l.Lock(t.Context(), path)
		if !errors.Is(err, host.ErrLocked) || !strings.Contains(holder, by) {
			t.Fatalf("%v, held by %q, want one held by %q", err, holder, by)
		}
	}
	release, _, err := one.Lock(t.Context(), path)
	must(t, err)
	held(two, "over SSH: process ")
	held(here, "over SSH: process ") // and against a run on the machine itself
	release()
	release()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock's file stays: %v", err)
	}
	release, _, err = here.Lock(t.Context(), path)
	must(t, err)
	held(one, "process ")
	release()
	release, _, err = two.Lock(t.Context(), path)
	must(t, err)
	two.Close() // dies with the connection
	defer release()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		release, holder, err := here.Lock(t.Context(), path)
		if err == nil {
			release()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v, held by %q", err, holder)
		}
	}
	_, _, err = one.Lock(t.Context(), "/no/such/folder/lock")
	sshtest.WantError(t, err, "cannot lock /no/such/folder/lock")
}

// TestLockReleased has a machine on which every program takes its time, as on one
// under load: what is released is free, also then.
func TestLockReleased(t *testing.T) {
	slow := filepath.Join(t.TempDir(), "bin")
	must(t, os.Mkdir(slow, 0o755))
	must(t, os.WriteFile(filepath.Join(slow, "rm"), []byte("#!/bin/sh\nsleep 4\nexec /bin/rm \"$@\"\n"), 0o755))
	h := startSSHD(t, "SetEnv PATH="+slow+":/usr/bin:/bin").host()
	here, err := local.New("")
	must(t, err)
	path := filepath.Join(t.TempDir(), "lock")
	release, _, err := h.Lock(t.Context(), path)
	must(t, err)
	release()
	release, holder, err := here.Lock(t.Context(), path)
	if err != nil {
		t.Fatalf("%v, held by %q", err, holder)
	}
	release()
}

// TestLockAgain loses the connection while a lock is held.
func TestLockAgain(t *testing.T) {
	s := startSSHD(t, "")
	r := startRelay(t, s.Address())
	h, other := s.host(r.through), s.host()
	path := filepath.Join(t.TempDir(), "lock")
	release, _, err := h.Lock(t.Context(), path)
	must(t, err)
	lose := func() {
		r.cut()
		for !h.attempt.over() {
			time.Sleep(time.Millisecond)
		}
	}
	lose()
	must(t, try(t, h)) // takes it again
	if _, _, err := other.Lock(t.Context(), path); !errors.Is(err, host.ErrLocked) {
		t.Fatalf("the lock was not taken again: %v", err)
	}
	lose()
	// Somebody else is quicker.
	var theirs func()
	for deadline := time.Now().Add(5 * time.Second); theirs == nil; time.Sleep(5 * time.Millisecond) {
		if theirs, _, err = other.Lock(t.Context(), path); err != nil && time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	h.patience = 500 * time.Millisecond
	err = try(t, h)
	if !errors.Is(err, host.ErrLocked) {
		t.Fatalf("it goes on without the lock: %v", err)
	}
	sshtest.WantError(t, err, "another keelway", "nothing more is done there")
	theirs()
	must(t, try(t, h))
	release()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock's file stays: %v", err)
	}
}

// TestLockUnheard is a connection whose end no packet tells: the machine lets go.
func TestLockUnheard(t *testing.T) {
	s := startSSHD(t, "")
	r := startRelay(t, s.Address())
	h, other := s.host(r.through), s.host()
	h.beat = time.Second
	path := filepath.Join(t.TempDir(), "lock")
	release, _, err := h.Lock(t.Context(), path)
	must(t, err)
	defer release()
	time.Sleep(4 * time.Second)
	if _, _, err := other.Lock(t.Context(), path); !errors.Is(err, host.ErrLocked) {
		t.Fatalf("it let go although its holder lives: %v", err)
	}
	r.deaf.Store(true)
	start := time.Now()
	for {
		theirs, _, err := other.Lock(t.Context(), path)
		if err == nil {
			theirs()
			break
		}
		if time.Since(start) > 10*time.Second {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if took := time.Since(start); took < time.Second {
		t.Errorf("it let go after %v", took)
	}
}
