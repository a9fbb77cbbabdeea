package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/ssh"
	"keelway.dev/keelway/internal/host/ssh/hostkey"
	"keelway.dev/keelway/internal/host/ssh/identity"
	"keelway.dev/keelway/internal/host/ssh/userconfig"
)

// connector makes machines from the hosts of a cluster file and the user's own
// SSH settings. Machines that are gone through are shared.
type connector struct {
	user  *userconfig.File
	home  string
	agent string
	hosts []file.Host
	jumps map[string]*ssh.Host
}

func newConnector(hosts []file.Host) (*connector, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	c := &connector{home: home, agent: os.Getenv("SSH_AUTH_SOCK"), hosts: hosts, jumps: map[string]*ssh.Host{}}
	c.user, err = userconfig.Load(filepath.Join(home, ".ssh", "config"), home)
	return c, err
}

// connect is the machine of a host.
func (c *connector) connect(h file.Host) (host.Host, error) { return c.machine(h, nil) }

func (c *connector) machine(h file.Host, through []string) (*ssh.Host, error) {
	// ~/.ssh/config may know the host by its name or by its address.
	said, err := c.user.Host(h.Address)
	if err != nil {
		return nil, err
	}
	byName, err := c.user.Host(h.Name)
	if err != nil {
		return nil, err
	}
	conf := ssh.Config{
		Name: h.Name, Address: h.Address,
		Port: cmp.Or(h.SSH.Port, byName.Port, said.Port), User: cmp.Or(h.SSH.User, byName.User, said.User, "root"),
		Keys: identity.Source{
			Agent: c.agent, Only: said.IdentitiesOnly || byName.IdentitiesOnly,
			Defaults: []string{c.own("id_ed25519"), c.own("id_ecdsa"), c.own("id_rsa")},
		},
		HostKey: hostkey.Policy{
			Host: h.Name, Alias: cmp.Or(byName.HostKeyAlias, said.HostKeyAlias), Pinned: h.SSH.HostKey,
			Files: slices.Concat(byName.UserKnownHosts, said.UserKnownHosts, byName.GlobalKnownHosts, said.GlobalKnownHosts, []string{c.own("known_hosts"), "/etc/ssh/ssh_known_hosts"}),
		},
	}
	switch files := append(slices.Clone(byName.IdentityFiles), said.IdentityFiles...); {
	case h.SSH.KeyFile != "":
		conf.Keys.Files = []string{c.user.Path(h.SSH.KeyFile)}
	case len(files) > 0:
		conf.Keys.Defaults = files
	}
	jump := h.SSH.Jump
	if way := append(slices.Clone(byName.ProxyJump), said.ProxyJump...); jump == "" && len(way) > 0 {
		jump = way[0]
	}
	if jump != "" {
		if conf.Jump, err = c.jump(jump, append(through, h.Name)); err != nil {
			return nil, fmt.Errorf("host %s: %w", h.Name, err)
		}
	}
	return ssh.New(conf), nil
}

// jump is a machine to go through: one of the file by its name, or
// [user@]host[:port].
func (c *connector) jump(way string, through []string) (*ssh.Host, error) {
	if slices.Contains(through, way) {
		return nil, errors.New("the way to it goes round in a circle: " + strings.Join(append(through, way), ", "))
	}
	if have := c.jumps[way]; have != nil {
		return have, nil
	}
	next := file.Host{Name: way}
	if i := slices.IndexFunc(c.hosts, func(h file.Host) bool { return h.Name == way }); i >= 0 {
		next = c.hosts[i]
	} else {
		rest := way
		if user, after, ok := strings.Cut(way, "@"); ok {
			next.SSH.User, rest = user, after
		}
		if i := strings.LastIndexByte(rest, ':'); i >= 0 && !strings.HasSuffix(rest, "]") {
			port, err := strconv.Atoi(rest[i+1:])
			if err != nil {
				return nil, fmt.Errorf("jump %q is not [user@]host[:port]", way)
			}
			next.SSH.Port, rest = port, rest[:i]
		}
		next.Address = strings.Trim(rest, "[]")
	}
	h, err := c.machine(next, through)
	if err == nil {
		c.jumps[way] = h
	}
	return h, err
}

func (c *connector) own(name string) string { return filepath.Join(c.home, ".ssh", name) }
