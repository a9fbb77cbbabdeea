package preflight_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/preflight"
)

// budget is what all checks together may take on a local host.
const budget = 150 * time.Millisecond

// here makes a target of the real machine, from options whose facts it fills.
func here(t *testing.T, o cluster.Options) preflight.Target {
	t.Helper()
	h, err := local.New("")
	if err != nil {
		t.Fatal(err)
	}
	if o.Facts, err = observe.Facts(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	o.Now = time.Now()
	m, err := cluster.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return preflight.Target{Host: h, Model: m, Desired: desired.For(m, 0), Now: o.Now}
}

func findings(t *testing.T, target preflight.Target, name string) []preflight.Finding {
	t.Helper()
	all, err := preflight.Run(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	var some []preflight.Finding
	for _, f := range all {
		if strings.Contains(f.Message, "cannot be checked") {
			t.Errorf("%s: %s", f.Name, f.Message)
		}
		if f.Name == name {
			some = append(some, f)
		}
	}
	return some
}

// Every check can be made on the real machine, in time. The best of five runs
// counts, since others use the machine too.
func TestHereInTime(t *testing.T) {
	target := here(t, cluster.Options{})
	best := time.Hour
	for range 5 {
		began := time.Now()
		found := findings(t, target, "IsPrivilegedUser")
		best = min(best, time.Since(began))
		if len(found) > 0 != (os.Getuid() != 0) {
			t.Errorf("user %d: %+v", os.Getuid(), found)
		}
	}
	t.Logf("all checks in %v", best)
	if best > budget {
		t.Errorf("the checks take %v, more than %v", best, budget)
	}
}

// Another program's listener is found with its process; a component of the
// cluster, known by its name and flags, may hold its own port.
func TestHerePortTaken(t *testing.T) {
	if os.Getenv(listenMark) != "" {
		listenHere()
		return
	}
	for _, r := range []struct {
		argv  []string
		clash bool
	}{
		{[]string{"other-server", "--port=any"}, true},
		{[]string{"kube-apiserver", "--client-ca-file=/srv/ca.crt"}, true},
		{[]string{"kube-apiserver", "--client-ca-file=/etc/kubernetes/pki/ca.crt"}, false},
	} {
		pid, port := listener(t, r.argv)
		found := findings(t, here(t, cluster.Options{BindPort: int32(port)}), "Port-"+strconv.Itoa(port))
		if (len(found) > 0) != r.clash {
			t.Errorf("%q on %d: %+v", r.argv, port, found)
			continue
		}
		if r.clash && !strings.Contains(found[0].Message, fmt.Sprintf("process %d (%s", pid, r.argv[0])) {
			t.Errorf("%q does not name process %d", found[0].Message, pid)
		}
	}
}

const listenMark = "KEELWAY_TEST_LISTEN"

// listener runs this program under another name until the test ends.
func listener(t *testing.T, argv []string) (pid, port int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	// The flags that the test binary knows must come last in a form that it
	// ignores, after "--".
	cmd.Args = append([]string{argv[0], "-test.run=^TestHerePortTaken$", "--"}, argv[1:]...)
	cmd.Env = append(os.Environ(), listenMark+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if port, err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid, port
}

// listenHere holds a port until standard input is closed.
func listenHere() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// The machine's own network overlaps a range that is chosen to.
func TestHereRange(t *testing.T) {
	target := here(t, cluster.Options{})
	n, err := observe.ReadNetwork(t.Context(), target.Host)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range n.Routes {
		if !r.Prefix.Addr().Is4() || r.Prefix.Bits() == 0 || observe.ContainerLink(r.Interface) {
			continue
		}
		if found := findings(t, target, "RangesOverlap"); len(found) > 0 {
			t.Skipf("the default ranges overlap on this machine: %+v", found)
		}
		target.Model.Cluster.Networking.PodSubnet = r.Prefix.String()
		found := findings(t, target, "RangesOverlap")
		if len(found) == 0 || !strings.Contains(found[0].Message, r.Interface) {
			t.Errorf("pod range %s: %+v", r.Prefix, found)
		}
		return
	}
	t.Skip("this machine has no route to a network")
}

func TestHereAddress(t *testing.T) {
	found := findings(t, here(t, cluster.Options{AdvertiseAddress: "203.0.113.77"}), "Address")
	if len(found) != 1 || !strings.Contains(found[0].Message, "203.0.113.77 is not on") {
		t.Errorf("got %+v", found)
	}
}
