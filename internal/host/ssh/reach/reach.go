// Package reach turns the hosts that people name into SSH hosts, with what their SSH configuration says of them.
package reach

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"

	"keelway.dev/keelway/internal/host/ssh"
	"keelway.dev/keelway/internal/host/ssh/hostkey"
	"keelway.dev/keelway/internal/host/ssh/identity"
	"keelway.dev/keelway/internal/host/ssh/sums"
	"keelway.dev/keelway/internal/host/ssh/userconfig"
)

// Target is a host as people name it. What is empty is taken from their SSH
// configuration, and then from the defaults.
type Target struct {
	Name    string // what stands in messages; "" is the address
	Address string // as it would be given to ssh: an address, a name or an alias
	User    string // root where nobody says otherwise
	Port    int
	Keys    []string // private key files
	HostKey string   // the one right key, "ssh-ed25519 AAAA..."
	Jump    []Target // the way to it, the nearest machine first
}

// Settings are what all hosts have in common. Nothing is read from the
// environment here.
type Settings struct {
	Config *userconfig.File
	Agent  string // SSH_AUTH_SOCK; "" is none
	// Sums remembers checksums of files, nil for as long as a Host lives.
	Sums *sums.Book
	// Passphrase opens an encrypted key file; nil is nobody to ask.
	Passphrase func(ctx context.Context, file string) ([]byte, error)
}

// Reach makes hosts. Those behind the same jump host share one connection to it.
type Reach struct {
	settings Settings

	mu    sync.Mutex
	hosts []*ssh.Host
	jumps map[string]*ssh.Host
}

// New returns a Reach that has made nothing yet.
func New(s Settings) *Reach { return &Reach{settings: s, jumps: map[string]*ssh.Host{}} }

// Close ends all connections.
func (r *Reach) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.hosts {
		h.Close()
	}
}

// Host returns the host of a target, and connects to nothing yet.
func (r *Reach) Host(t Target) (*ssh.Host, error) {
	c, err := r.config(t, 0)
	if err != nil {
		return nil, err
	}
	return r.keep(ssh.New(c)), nil
}

func (r *Reach) keep(h *ssh.Host) *ssh.Host {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hosts = append(r.hosts, h)
	return h
}

// maxJumps ends a configuration whose jump hosts lead to each other.
const maxJumps = 8

func (r *Reach) config(t Target, depth int) (ssh.Config, error) {
	if t.Name == "" {
		t.Name = t.Address
	}
	if depth > maxJumps {
		return ssh.Config{}, fmt.Errorf("cannot reach %s: its jump hosts lead through more than %d machines, or in a circle", t.Name, maxJumps)
	}
	said, err := r.settings.Config.Host(t.Address)
	if err != nil {
		return ssh.Config{}, fmt.Errorf("cannot reach %s: %w", t.Name, err)
	}
	c := ssh.Config{
		Name: t.Name, Address: or(said.HostName, t.Address), User: or(t.User, said.User), Port: t.Port,
		Keys: r.keys(t, said), Sums: r.settings.Sums,
		HostKey: hostkey.Policy{Host: t.Name, Alias: said.HostKeyAlias, Pinned: t.HostKey, Files: r.known(said)},
	}
	if c.Port == 0 {
		c.Port = said.Port
	}
	jump := t.Jump
	if len(jump) == 0 {
		for _, j := range said.ProxyJump {
			one, err := Parse(j)
			if err != nil {
				return ssh.Config{}, fmt.Errorf("cannot reach %s: %w", t.Name, err)
			}
			jump = append(jump, one)
		}
	}
	if len(jump) > 0 {
		if c.Jump, err = r.jump(jump, depth+1); err != nil {
			return ssh.Config{}, err
		}
	}
	return c, nil
}

// jump returns the last machine of a way, each reached through the one before.
func (r *Reach) jump(way []Target, depth int) (*ssh.Host, error) {
	last := way[len(way)-1]
	last.Jump = way[:len(way)-1]
	key := fmt.Sprintf("%+v", way)
	r.mu.Lock()
	h := r.jumps[key]
	r.mu.Unlock()
	if h != nil {
		return h, nil
	}
	c, err := r.config(last, depth)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if h := r.jumps[key]; h != nil {
		return h, nil
	}
	h = ssh.New(c)
	r.jumps[key], r.hosts = h, append(r.hosts, h)
	return h, nil
}

func (r *Reach) keys(t Target, said userconfig.Host) identity.Source {
	s := identity.Source{Agent: r.settings.Agent, Only: said.IdentitiesOnly, Passphrase: r.settings.Passphrase, Defaults: said.IdentityFiles}
	switch said.IdentityAgent {
	case "", "SSH_AUTH_SOCK":
	case "none":
		s.Agent = ""
	default:
		s.Agent = said.IdentityAgent
	}
	for _, k := range t.Keys {
		s.Files = append(s.Files, r.settings.Config.Path(k))
	}
	if len(s.Files) > 0 {
		s.Defaults = nil
	} else if len(s.Defaults) == 0 {
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			s.Defaults = append(s.Defaults, r.settings.Config.Path("~/.ssh/"+name))
		}
	}
	return s
}

// known are the known_hosts files, the one that a new key is added to first.
func (r *Reach) known(said userconfig.Host) []string {
	user, global := said.UserKnownHosts, said.GlobalKnownHosts
	if len(user) == 0 {
		user = []string{r.settings.Config.Path("~/.ssh/known_hosts"), r.settings.Config.Path("~/.ssh/known_hosts2")}
	}
	if len(global) == 0 {
		global = []string{"/etc/ssh/ssh_known_hosts"}
	}
	return append(append([]string(nil), user...), global...)
}

// Parse reads [user@]host[:port], with an IPv6 address in brackets when a port
// follows, or ssh://[user@]host[:port], as people name a jump host.
func Parse(text string) (Target, error) {
	rest := strings.TrimPrefix(strings.TrimSpace(text), "ssh://")
	var t Target
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		t.User, rest = rest[:i], rest[i+1:]
	}
	t.Address = rest
	if strings.HasPrefix(rest, "[") || strings.Count(rest, ":") == 1 {
		if host, port, err := net.SplitHostPort(rest); err == nil {
			if t.Port, err = strconv.Atoi(port); err != nil || t.Port < 1 || t.Port > 65535 {
				return t, fmt.Errorf("the jump host %q: %q is no port", text, port)
			}
			t.Address = host
		}
	}
	if t.Address = strings.Trim(t.Address, "[]"); t.Address == "" {
		return t, errors.New("a jump host has no name")
	}
	return t, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
