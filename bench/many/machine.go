package many

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"keelway.dev/keelway/internal/desired/kubelet"
)

// clone is one of many machines that a worker stands for: each has an address,
// an SSH server with a key, and a host name of its own, and sees its own flags
// of the kubelet and its own lock. All else is the worker's.
type clone struct {
	Name, Address, HostKey string
}

const (
	clonesDir = "/var/lib/keelway-bench"
	lockFile  = "/run/keelway.lock"
)

// cloneNet is where the clones' addresses are from: set apart for tests, and not
// a lab's.
const cloneNet = "198.19.0.0/16"

// clonePort is not the one at which the worker's own SSH server listens on every
// address.
const clonePort = 2222

func cloneOf(i int) clone {
	return clone{Name: fmt.Sprintf("n%d", i), Address: fmt.Sprintf("198.19.%d.%d", i/250, i%250+1)}
}

func (c clone) path(name string) string { return filepath.Join(clonesDir, c.Name, name) }

// machines makes that many clones of the worker that this runs on, and prints
// what they are.
func machines(ctx context.Context, count int, out io.Writer) error {
	if said, err := exec.CommandContext(ctx, "ip", "route", "replace", "local", cloneNet, "dev", "lo").CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, said)
	}
	flags, err := os.ReadFile(kubelet.FlagsFile)
	if err != nil {
		return err
	}
	info, err := os.Stat(kubelet.FlagsFile)
	if err != nil {
		return err
	}
	if err := keepLock(); err != nil {
		return err
	}
	own, _, _ := strings.Cut(strings.SplitN(string(flags), "--node-ip=", 2)[1], `"`)
	own, _, _ = strings.Cut(own, " ")
	var all []clone
	for i := range count {
		c := cloneOf(i)
		if c.HostKey, err = c.write([]byte(strings.ReplaceAll(string(flags), own, c.Address))); err != nil {
			return err
		}
		// The kubelet would otherwise have to be started anew.
		if err := os.Chtimes(c.path("flags"), info.ModTime(), info.ModTime()); err != nil {
			return err
		}
		p := exec.Command("/proc/self/exe", "-here", "machine", "-with", strconv.Itoa(i))
		p.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS}
		if err := p.Start(); err != nil {
			return err
		}
		all = append(all, c)
	}
	for _, c := range all {
		if err := answers(ctx, c.Address); err != nil {
			return err
		}
	}
	return json.NewEncoder(out).Encode(all)
}

// keepLock has the worker's own lock lie under a mount. Released, it would be
// removed, and a file that is removed takes along what other namespaces have
// mounted on it: the clones would share one lock from then on.
func keepLock() error {
	own := filepath.Join(clonesDir, "lock")
	if err := os.MkdirAll(clonesDir, 0o755); err != nil {
		return err
	}
	for _, path := range []string{own, lockFile} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return err
		}
	}
	return unix.Mount(own, lockFile, "", unix.MS_BIND, "")
}

// write makes a clone's files, and returns its host key's public half.
func (c clone) write(flags []byte) (string, error) {
	if err := os.MkdirAll(c.path(""), 0o755); err != nil {
		return "", err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	block, err := ssh.MarshalPrivateKey(private, c.Name)
	if err != nil {
		return "", err
	}
	line, err := ssh.NewPublicKey(public)
	if err != nil {
		return "", err
	}
	for name, text := range map[string][]byte{"flags": flags, "lock": nil, "key": pem.EncodeToMemory(block)} {
		mode := os.FileMode(0o600)
		if name == "flags" {
			mode = 0o644
		}
		if err := os.WriteFile(c.path(name), text, mode); err != nil {
			return "", err
		}
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(line))), nil
}

// machine is a clone's first process, in namespaces of its own: it becomes its
// SSH server.
func machine(i int) error {
	c := cloneOf(i)
	if err := unix.Sethostname([]byte(c.Name)); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	for from, to := range map[string]string{c.path("flags"): kubelet.FlagsFile, c.path("lock"): lockFile} {
		if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("%s: %w", to, err)
		}
	}
	return unix.Exec("/usr/sbin/sshd", []string{
		"/usr/sbin/sshd", "-D", "-h", c.path("key"), "-o", fmt.Sprintf("ListenAddress=%s:%d", c.Address, clonePort), "-o", "PidFile=none", "-o", "HostKey=" + c.path("key"),
	}, os.Environ())
}

func answers(ctx context.Context, address string) error {
	d := net.Dialer{Timeout: time.Second}
	for end := time.Now().Add(30 * time.Second); ; {
		conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(clonePort)))
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}
