package etcd

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/pki"
)

// program is the etcd of the bundle, unpacked once for all tests.
var program = sync.OnceValues(func() (string, error) {
	path := os.Getenv("KEELWAY_BUNDLE")
	if path == "" {
		return "", nil
	}
	cache, err := os.MkdirTemp("", "kw-etcd")
	if err != nil {
		return "", err
	}
	b, err := bundle.Open(context.Background(), path, cache)
	if err != nil {
		return "", err
	}
	etcd, _, err := b.Binary("etcdctl") // one file is etcd, too
	return etcd, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, _ := program(); path != "" {
		// <cache>/<bundle>/bin/etcd
		os.RemoveAll(filepath.Dir(filepath.Dir(filepath.Dir(path))))
	}
	os.Exit(code)
}

// Rig is a cluster of real members on ports of this machine.
type Rig struct {
	t       *testing.T
	program string
	Dir     string
	tls     TLS
}

// Process is one of them, with the process that runs it.
type Process struct {
	Name         string
	Peer, Client string
	process      *exec.Cmd
}

func NewRig(t *testing.T) *Rig {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	if path == "" {
		t.Skip("KEELWAY_BUNDLE does not name the bundle with the real etcd; `make test` sets it")
	}
	r := &Rig{t: t, program: path, Dir: t.TempDir()}
	pairs := map[string]*pki.Pair{}
	in := pki.Input{NodeName: "node-1", AdvertiseAddress: "127.0.0.1", ServiceSubnets: []string{"10.96.0.0/12"}, DNSDomain: "cluster.local", Algorithm: pki.ECDSAP256}
	for _, s := range pki.Table(in) {
		if s.Base != "etcd/ca" && s.Parent != "etcd/ca" {
			continue
		}
		pair, err := pki.Issue(rand.Reader, time.Now(), s, pairs[s.Parent])
		if err != nil {
			t.Fatal(err)
		}
		pairs[s.Base] = pair
		r.write(s.Name+".crt", pair.CertPEM)
		r.write(s.Name+".key", pair.KeyPEM)
	}
	client := pairs["etcd/healthcheck-client"]
	r.tls = TLS{CA: pairs["etcd/ca"].CertPEM, Cert: client.CertPEM, Key: client.KeyPEM}
	return r
}

func (r *Rig) write(name string, data []byte) {
	if err := os.WriteFile(filepath.Join(r.Dir, name), data, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// Member gives one free ports.
func (r *Rig) Member(name string) *Process {
	return &Process{Name: name, Peer: r.url(), Client: r.url()}
}

func (r *Rig) url() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	defer l.Close()
	return "https://" + l.Addr().String()
}

// Start runs a member; all are those of the cluster as it is to know them.
func (r *Rig) Start(m *Process, state string, all ...*Process) {
	r.t.Helper()
	var initial []string
	for _, one := range all {
		initial = append(initial, one.Name+"="+one.Peer)
	}
	ca := filepath.Join(r.Dir, "etcd-ca.crt")
	log, err := os.OpenFile(filepath.Join(r.Dir, m.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	defer log.Close()
	m.process = exec.Command(r.program,
		"--name="+m.Name, "--data-dir="+filepath.Join(r.Dir, m.Name),
		"--listen-peer-urls="+m.Peer, "--initial-advertise-peer-urls="+m.Peer,
		"--listen-client-urls="+m.Client, "--advertise-client-urls="+m.Client,
		"--initial-cluster="+strings.Join(initial, ","), "--initial-cluster-state="+state,
		"--client-cert-auth", "--trusted-ca-file="+ca, "--cert-file="+filepath.Join(r.Dir, "etcd-server.crt"), "--key-file="+filepath.Join(r.Dir, "etcd-server.key"),
		"--peer-client-cert-auth", "--peer-trusted-ca-file="+ca, "--peer-cert-file="+filepath.Join(r.Dir, "etcd-peer.crt"), "--peer-key-file="+filepath.Join(r.Dir, "etcd-peer.key"),
		"--log-level=warn", "--quota-backend-bytes=16777216")
	m.process.Args[0] = "etcd"
	m.process.Stdout, m.process.Stderr = log, log
	if err := m.process.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		m.Stop()
		if r.t.Failed() {
			text, _ := os.ReadFile(log.Name())
			r.t.Logf("the end of what %s said:\n%s", m.Name, text[max(0, len(text)-2000):])
		}
	})
}

func (m *Process) Stop() {
	if m.process != nil {
		_ = m.process.Process.Kill()
		_ = m.process.Wait()
		m.process = nil
	}
}

// Open gives a client of these members.
func (r *Rig) Open(all ...*Process) *Client {
	r.t.Helper()
	var endpoints []string
	for _, m := range all {
		endpoints = append(endpoints, m.Client)
	}
	h, err := local.New("here")
	if err != nil {
		r.t.Fatal(err)
	}
	c, err := Open(h, endpoints, r.tls)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := c.Close(); err != nil {
			r.t.Errorf("close: %v", err)
		}
	})
	return c
}

// Wait is until a member leads or follows.
func (r *Rig) Wait(c *Client, m *Process) {
	r.t.Helper()
	var last error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		var s Status
		if s, last = c.Status(r.t.Context(), m.Client); last == nil && s.Leader != 0 {
			return
		}
	}
	r.t.Fatalf("%s has no leader: %v", m.Name, last)
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func describe(all []Member) string {
	var parts []string
	for _, m := range all {
		text := m.Name
		if text == "" {
			text = "unstarted"
		}
		if m.Learner {
			text += "(learner)"
		}
		parts = append(parts, text)
	}
	slices.Sort(parts)
	return fmt.Sprint(parts)
}
