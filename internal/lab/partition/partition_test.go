package partition_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"keelway.dev/keelway/internal/lab/partition"
)

// TestPartition puts four hosts on a real bridge, from a copy of this program
// that runs in a network namespace of its own.
func TestPartition(t *testing.T) {
	const mark = "KEELWAY_TEST_IN_NAMESPACE"
	if os.Getenv(mark) != "" {
		inNamespace(t)
		return
	}
	if os.Getuid() != 0 {
		t.Skip("needs root, to make a network namespace")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestPartition$", "-test.v")
	cmd.Env = append(os.Environ(), mark+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestPartition") {
		t.Fatalf("%v\n%s", err, out)
	}
}

func inNamespace(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "br"
	must(netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}))
	bridge, err := netlink.LinkByName("br")
	must(err)
	must(netlink.LinkSetUp(bridge))
	must(netlink.AddrAdd(bridge, network(1)))
	var hosts []host
	for n := range 4 {
		hosts = append(hosts, newHost(t, bridge, n))
	}
	const table = partition.Table("test")
	// set parts the hosts of these numbers; -1 stands between two groups.
	set := func(numbers ...int) {
		t.Helper()
		ports := [][]partition.Port{nil}
		for _, n := range numbers {
			if n < 0 {
				ports = append(ports, nil)
				continue
			}
			last := &ports[len(ports)-1]
			*last = append(*last, partition.Port{Host: fmt.Sprintf("host%d", n), Link: fmt.Sprintf("port%d", n)})
		}
		must(table.Set(ports))
	}
	check := func(when string, blocked func(from, to int) bool) {
		t.Helper()
		for to, h := range hosts {
			if !reaches(h.address) {
				t.Errorf("%s: the machine itself does not reach host %d", when, to)
			}
			for from := range hosts {
				if from == to {
					continue
				}
				// A host that asked for an address in vain asks again a second later.
				var ok bool
				for end := time.Now().Add(4 * time.Second); ; {
					hosts[from].do(func() { ok = reaches(h.address) })
					if ok || blocked(from, to) || time.Now().After(end) {
						break
					}
				}
				if ok == blocked(from, to) {
					t.Errorf("%s: host %d reaches host %d: %v", when, from, to, ok)
				}
			}
		}
	}
	groups := func(want [][]string) {
		t.Helper()
		if got, err := table.Groups(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("groups are %v, %v; want %v", got, err, want)
		}
	}
	never := func(int, int) bool { return false }

	groups(nil)
	must(table.Remove())
	check("before", never)

	// A connection that is open must not survive: it is dropped, not refused.
	var open net.Conn
	hosts[0].do(func() { open, err = net.Dial("tcp", hosts[1].address) })
	must(err)
	defer open.Close()
	if !echo(open) {
		t.Fatal("an open connection does not answer before the partition")
	}

	set(0, -1, 1, 2, -1, 3)
	groups([][]string{{"host0"}, {"host1", "host2"}, {"host3"}})
	check("three groups", func(a, b int) bool { return a+b != 3 || a == 0 || b == 0 })
	if echo(open) {
		t.Error("an open connection goes on through the partition")
	}

	set(0, 1, -1, 2)
	groups([][]string{{"host0", "host1"}, {"host2"}})
	check("two groups and a port in none", func(a, b int) bool { return a != 3 && b != 3 && (a == 2 || b == 2) })

	// A host that is switched off and on has a new link of the old name.
	must(netlink.LinkDel(hosts[2].port))
	hosts[2] = newHost(t, bridge, 2)
	check("after a restart", func(a, b int) bool { return a != 3 && b != 3 && (a == 2 || b == 2) })

	must(table.Remove())
	groups(nil)
	check("healed", never)
	must(table.Remove())

	for name, bad := range map[string][][]partition.Port{"long": {{{Host: "h", Link: "a-name-of-sixteen"}}}, "empty": {{}}, "none": nil} {
		if err := table.Set(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	groups(nil)
}

// host is a network namespace with one link to the bridge and a server that
// sends back what it gets.
type host struct {
	port    netlink.Link
	address string
	calls   chan func()
}

// do runs f in the host's namespace. A namespace belongs to a thread, which
// ends with the goroutine that holds it.
func (h host) do(f func()) {
	done := make(chan struct{})
	h.calls <- func() { defer close(done); f() }
	<-done
}

func network(last int) *netlink.Addr {
	return &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(192, 0, 2, byte(last)), Mask: net.CIDRMask(24, 32)}}
}

func newHost(t *testing.T, bridge netlink.Link, n int) host {
	t.Helper()
	h := host{address: fmt.Sprintf("192.0.2.%d:7", 10+n), calls: make(chan func())}
	port, inner := fmt.Sprintf("port%d", n), fmt.Sprintf("inner%d", n)
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MasterIndex = port, bridge.Attrs().Index
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: inner}); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.port, err = netlink.LinkByName(port); err != nil {
		t.Fatal(err)
	}
	peer, err := netlink.LinkByName(inner)
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan error)
	threads := make(chan int)
	go func() {
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			ready <- err
			return
		}
		threads <- unix.Gettid()
		for f := range h.calls {
			f()
		}
	}()
	select {
	case err := <-ready:
		t.Fatal(err)
	case thread := <-threads:
		ns, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", thread))
		if err != nil {
			t.Fatal(err)
		}
		defer ns.Close()
		if err := netlink.LinkSetNsFd(peer, int(ns.Fd())); err != nil {
			t.Fatal(err)
		}
	}
	if err := netlink.LinkSetUp(h.port); err != nil {
		t.Fatal(err)
	}
	h.do(func() { err = serve(inner, n, h.address) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(h.calls) })
	return h
}

func serve(link string, n int, address string) error {
	inner, err := netlink.LinkByName(link)
	if err != nil {
		return err
	}
	// As systemd-nspawn does it: the host has the same address on every boot.
	if err := netlink.LinkSetHardwareAddr(inner, net.HardwareAddr{2, 0, 0, 0, 0, byte(n)}); err != nil {
		return err
	}
	if err := netlink.AddrAdd(inner, network(10+n)); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(inner); err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b := make([]byte, 1)
				for {
					if _, err := c.Read(b); err != nil {
						return
					}
					if _, err := c.Write(b); err != nil {
						return
					}
				}
			}()
		}
	}()
	return nil
}

func reaches(address string) bool {
	c, err := net.DialTimeout("tcp", address, 400*time.Millisecond)
	if err != nil {
		return false
	}
	defer c.Close()
	return echo(c)
}

func echo(c net.Conn) bool {
	_ = c.SetDeadline(time.Now().Add(400 * time.Millisecond))
	b := []byte{1}
	if _, err := c.Write(b); err != nil {
		return false
	}
	_, err := c.Read(b)
	return err == nil
}
